// Fewest-hop paths inside a small node of any wiring, from a table of first links (n^2 numbers, once per node type).
// Among paths of equally few hops the widest is taken, then the one of the lowest link numbers: one path per pair, no
// spreading. For irregular wirings (hybrid cube mesh, ladder, custom); regular families compute their paths instead.
#pragma once

#include "topologies/wiring.hpp"

namespace orrery {

inline constexpr int most_table_vertices = 2048;

std::unique_ptr<LocalRouter> make_table_router(const NodeWiring&);
// Whether every device can be reached from device 0.
bool table_connects(const NodeWiring&);

}  // namespace orrery
