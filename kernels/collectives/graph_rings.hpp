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
constexpr std::size_t most_searched = 128;  // members; more take them in order

// Between the members of a node, as multiples of the slowest link's rate; those of less than 1/64 of the widest are none.
struct DirectLinks {
  std::uint32_t members = 0;
  double unit = 0;          // B/s; 0: no two members are joined
  std::vector<int> cables;  // of that rate, from each to each
  int between(std::uint32_t a, std::uint32_t b) const { return cables[static_cast<std::size_t>(a) * members + b]; }
  bool complete() const;  // every two members are joined, all alike
};
DirectLinks direct_links(const Group&, const RankList& members);

// Edge-disjoint Hamiltonian cycles of three members or more, one way round each; no more than `most`.
std::vector<RankList> disjoint_rings(const DirectLinks&, std::size_t most = ~std::size_t{0});
std::vector<RankList> rings_on_graph(const Group&);
// Of three ranks or more.
std::vector<RankList> rings_of_complete_graph(std::uint32_t ranks);
// a, a+1, a-1, a+2, a-2, ...: over all starts these paths use every directed pair of an even set exactly once (Walecki's
// decomposition), which loads all links of a full mesh alike. The path that starts where this one ends is its reverse.
RankList zigzag(const RankList& ranks, std::size_t start);

}  // namespace orrery
