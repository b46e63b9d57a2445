// Binomial trees from and to a root, rank 0: ceil(log2 n) rounds. Broadcast and reduce carry the whole buffer over every
// edge; scatter and gather only the parts of the subtree behind it, (n-1)/n of the buffer at the root, which is the least
// (Thakur, Rabenseifner & Gropp, IJHPCA 19, 2005). Farthest ranks first, so that most edges stay near.
#include <algorithm>
#include <bit>

#include "kernels/collectives/algorithms.hpp"

namespace orrery {

bool binomial_supports(CollectiveKind kind, const Group& group) {
  return group.ranks >= 2 && (kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce ||
                              kind == CollectiveKind::scatter || kind == CollectiveKind::gather);
}

// Libraries pipeline along a chain; where distance counts, those that run over regions (MPI, Gloo) take few hops. Scatter
// and gather have no more bytes to save.
bool binomial_considered(CollectiveKind kind, const Group& group) {
  return (kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce) && binomial_supports(kind, group) &&
         group.domain && group.domain->kind == DomainKind::wide_area;
}

CollectiveSchedule binomial_schedule(CollectiveKind kind, const Group& group) {
  const std::uint32_t n = group.ranks;
  const bool in_parts = kind == CollectiveKind::scatter || kind == CollectiveKind::gather;
  RankList order;  // as wired, from the root on
  for (const GroupNode& node : group.nodes) order.insert(order.end(), node.ranks.begin(), node.ranks.end());
  std::rotate(order.begin(), std::find(order.begin(), order.end(), 0u), order.end());
  CollectiveSchedule schedule;
  schedule.ranks = n;
  schedule.chunks = in_parts ? n : 1;
  schedule.chunk_share = 1.0 / schedule.chunks;
  schedule.lockstep = true;
  for (std::uint32_t bit = std::bit_ceil(n) / 2; bit >= 1; bit /= 2) {
    Round& round = schedule.rounds.emplace_back();
    for (std::uint32_t at = 0; at + bit < n; at += 2 * bit)
      for (std::uint32_t below = at + bit; below < (in_parts ? std::min(at + 2 * bit, n) : at + bit + 1); ++below)
        round.sends.push_back({order[at], order[at + bit], in_parts ? order[below] : 0, 1, SendAction::copy});
  }
  if (kind == CollectiveKind::reduce) return mirrored(std::move(schedule), SendAction::reduce);
  if (kind == CollectiveKind::gather) return mirrored(std::move(schedule), SendAction::copy);
  return schedule;
}

}  // namespace orrery
