// A picture of a wiring: every device, NIC and switch of a small machine; of a large one, one box for each role (parts that
// are connected alike to parts of the same roles: the coarsest bisimulation), with how many there are.
// Layout: devices in wiring order, switches of nodes below, NICs and the fabric's levels above; a single node without
// switches as a grid (torus, mesh) or a circle. As self-contained SVG, or as DOT for Graphviz.
#pragma once

#include <string>
#include <vector>

#include "analysis/topology_facts.hpp"

namespace orrery {

struct PictureBox {
  VertexKind kind = VertexKind::device;
  std::string name, detail;
  int row = 0;
  std::uint32_t node = ~0u;  // whose box is framed with those of the same node; ~0: none
  double x = 0, y = 0;       // centre
};

struct PictureEdge {
  std::size_t from = 0, to = 0;
  std::string link, label;  // class of link; what stands beside it
};

struct TopologyPicture {
  std::string title, subtitle;
  std::vector<PictureBox> boxes;
  std::vector<PictureEdge> edges;
  bool roles = false;       // boxes stand for many
  double bend_beyond = 70;  // a longer line between boxes of one row is bent around those between
  double box_width = 44, box_height = 26, width = 0, height = 0;
};

TopologyPicture topology_picture(const Cluster&);
std::string picture_svg(const TopologyPicture&);
std::string picture_dot(const TopologyPicture&);

}  // namespace orrery
