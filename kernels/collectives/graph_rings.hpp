// Rings inside a node whose devices are joined without a switch: edge-disjoint Hamiltonian cycles over the members, each used
// in both directions. Where every two are joined alike: all that there are, in closed form (Walecki, in Lucas, Recreations
// mathematiques II, 1892). Elsewhere as many as the direct links hold, found by exhaustive search (NCCL searches likewise): on
// DGX-1 with V100 this gives 2, 4, 2, 4 and 6 rings for GPUs 0..2, 0..3, 0..5, 0..6 and 0..7, as the measured bandwidths show.
// Beyond 8 members the search is given a number of steps and what it has found by then is taken: the sides of a ladder, for
// one. Where no cycle is found: one ring in rank order and its reverse, routed through others.
#pragma once

#include "kernels/collectives/group.hpp"

namespace orrery {

bool has_direct_links(DomainKind);
std::vector<RankList> rings_on_graph(const Group&);
// Of three ranks or more.
std::vector<RankList> rings_of_complete_graph(std::uint32_t ranks);
// a, a+1, a-1, a+2, a-2, ...: over all starts these paths use every directed pair of an even set exactly once (Walecki's
// decomposition), which loads all links of a full mesh alike. The path that starts where this one ends is its reverse.
RankList zigzag(const RankList& ranks, std::size_t start);

}  // namespace orrery
