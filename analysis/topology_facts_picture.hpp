// A picture of a wiring: every device, NIC and switch of a small machine; of a large one, one box for each role (parts that
// are connected alike to parts of the same roles: the coarsest bisimulation), with how many there are.
// Layout: devices in wiring order, switches of nodes, hosts and their memory below, NICs and the fabric's levels above; a single
// node without switches as a grid (torus, mesh) or a circle. Slowed and failed cables, and parts without a working one, look
// so; of a large machine they are roles of their own, unless that made too many. As self-contained SVG, or as DOT for Graphviz.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/topology_facts.hpp"

namespace orrery {

enum class Condition : std::uint8_t { sound, slowed, failed };

struct PictureBox {
  VertexKind kind = VertexKind::device;
  std::string name, detail;
  int row = 0;
  std::uint32_t node = ~0u;  // whose box is framed with those of the same node; ~0: none
  double x = 0, y = 0;       // centre
  bool failed = false;
};

struct PictureEdge {
  std::size_t from = 0, to = 0;
  std::string link, label;  // class of link; what stands beside it
  double cables = 1;
  Condition condition = Condition::sound;
};

struct PictureText {
  double x = 0, y = 0;  // left end of its base line
  std::string words;
};

struct TopologyPicture {
  std::string title, subtitle;
  std::vector<PictureBox> boxes;
  std::vector<PictureEdge> edges;
  bool roles = false;       // boxes stand for many
  double bend_beyond = 70;  // a longer line between boxes of one row is bent around those between
  double box_width = 44, box_height = 26, width = 0, height = 0;
  std::vector<PictureText> legend;  // classes of links, then conditions, where they occur
};

// Where the label of an edge stands, and how wide a line of text is about.
PictureText edge_label(const TopologyPicture&, const PictureEdge&);
double text_width(std::string_view words, double font_size = 11);

TopologyPicture topology_picture(const Cluster&);
std::string picture_svg(const TopologyPicture&);
std::string picture_dot(const TopologyPicture&);

}  // namespace orrery
