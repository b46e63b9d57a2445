// Graph algorithms on a fabric's links: distances (breadth-first search), counts of shortest paths, and maximum flow
// (Dinic 1970; by the max-flow min-cut theorem also the least capacity that separates two sets of vertices).
// Failed links (no bandwidth) are absent; joints (links of no cable) cost no hop. Works on a compressed adjacency that is built
// once, so that 65,536 devices take a fraction of a second per search.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/fabric.hpp"

namespace orrery {

class FabricGraph {
 public:
  static constexpr std::uint32_t unreached = ~0u;

  explicit FabricGraph(const Fabric&);

  // Links on the shortest path from the nearest of `sources` to every vertex.
  std::vector<std::uint32_t> distances(std::span<const VertexId> sources) const;
  // Number of paths with the fewest links; parallel links count, a bundle in one link counts once.
  double shortest_paths(VertexId from, VertexId to) const;
  // From all sources together to all sinks together; the two must not meet. `capacity` by link; links of capacity 0 are
  // absent.
  double max_flow(std::span<const VertexId> sources, std::span<const VertexId> sinks,
                  std::span<const double> capacity) const;

  // Bandwidth of every link, B/s.
  std::vector<double> bandwidths() const;
  // Working cables of every link.
  std::vector<double> widths() const;
  // Whether a vertex is a part of its own, and not one end of a link that joints hold to its neighbours.
  bool is_part(VertexId) const;

 private:
  double paths_over_joints(std::uint32_t to, std::uint32_t from, const std::vector<std::uint32_t>& distance,
                           std::vector<double>& known) const;

  const Fabric& fabric_;
  std::vector<std::uint32_t> out_begin_, out_links_, in_begin_, in_links_;  // by vertex
  bool joints_ = false;
};

}  // namespace orrery
