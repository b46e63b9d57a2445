// The members of a torus, mesh or ring as the rings that a multi-dimensional collective walks: for one order of the axes,
// lines of members along each, such that every member is told by its places on the lines it lies on.
// Straight torus or mesh: any box of coordinates, rings along its axes. Where members are left out, or nothing wraps, the way
// from the last one back to the first is routed through the others.
// Twisted torus (Camarero et al., IEEE TPDS 2013: a Cayley graph of an abelian group), whole only: a side of size k goes on
// shifted by k along the sides of size 2k, so that walking along it returns after 2k steps. The first axis of an order is
// walked round in full; the members left over by that are what a next axis has to step through, and if stepping on leads to
// another member of the first ring they form a line instead of a ring.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/collectives/group.hpp"

namespace orrery {

struct TorusAxis {
  std::uint32_t size = 1;
  bool closed = true;     // a ring; else a line
  RankList place;         // by rank: on its line
  RankList next, before;  // by rank; beyond the ends of a line: where the wiring goes on
};

struct TorusGrid {
  std::vector<TorusAxis> axes;  // in the order walked; those of one member only are left out
  RankList label;               // by rank: in wiring order
};

// How many orders there are to start with: one per axis. 0: the members are no box, or there is no such wiring.
std::size_t torus_orders(const Group&);
// The order that starts with axis `first` and goes on round.
TorusGrid torus_grid(const Group&, std::size_t first);

}  // namespace orrery
