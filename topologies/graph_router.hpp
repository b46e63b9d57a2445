// Fewest-hop paths inside a small node of any wiring (hybrid cube mesh, hypercube, ladder, PCIe tree, custom): by the rules
// of topologies/ecmp_router.hpp, on a graph of the node's own vertices and links. Of equally short ways ideal spreading
// takes all, in proportion to the bandwidth of the next links, and hashing one per flow. Other families compute their paths.
#pragma once

#include "topologies/wiring.hpp"

namespace orrery {

inline constexpr int most_graph_vertices = 2048;

std::unique_ptr<LocalRouter> make_graph_router(const NodeWiring&, bool ideal, std::uint64_t seed);
// Whether every device can be reached from device 0.
bool graph_connects(const NodeWiring&);

}  // namespace orrery
