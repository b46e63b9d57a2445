// Nodes in two regions, a switch in each, joined by a fibre of 10 GB/s: machines whose hops are of very unlike length, as
// tests of latencies want them.
#pragma once

#include "tests/topologies/fixture.hpp"

namespace orrery::testing {

inline ClusterSpec two_regions(NodeModel node, std::pair<int, int> nodes, double distance_s) {
  ClusterSpec spec = nodes_of(std::move(node), nodes.first + nodes.second, "wide-area");
  spec.fabric.link = link("fibre", 10e9, distance_s);
  spec.fabric.options = {{"regions", {nodes.first, nodes.second}}};
  FabricSpec inside;
  inside.kind = "single-switch";
  spec.fabric.inside = {inside};
  return spec;
}

}  // namespace orrery::testing
