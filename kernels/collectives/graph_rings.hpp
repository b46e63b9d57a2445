// Rings on a wiring that is no switch and no torus: as many edge-disjoint Hamiltonian cycles over the members as the direct
// links between them hold, each used in both directions, found by exhaustive search (NCCL searches likewise). On DGX-1 with
// V100 this gives 2, 4, 2, 4 and 6 rings for GPUs 0..2, 0..3, 0..5, 0..6 and 0..7, as the measured bandwidths show.
// Beyond 8 members the search is given a number of steps and what it has found by then is taken: the sides of a ladder, for
// one. Where no cycle is found: one ring in rank order and its reverse, routed through others.
#pragma once

#include "kernels/collectives/group.hpp"

namespace orrery {

bool is_irregular(DomainKind);
std::vector<RankList> rings_on_graph(const Group&);

}  // namespace orrery
