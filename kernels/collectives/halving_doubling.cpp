// Recursive halving and doubling (Rabenseifner, ICCS 2004; Thakur, Rabenseifner & Gropp, IJHPCA 19, 2005): reduce-scatter by
// exchanging halves with partners at distance n/2, n/4, ... 1, all-gather the other way. 2 log2 n rounds and the least
// bytes. For other than powers of two the surplus ranks first add their buffer to a partner's and get the result back, as in
// the latter paper.
#include <bit>

#include "kernels/collectives/algorithms.hpp"

namespace orrery {

namespace {

// Rank r keeps the blocks that agree with r in the bits handled so far; before exchanging bit `bit` it holds those whose
// higher bits are its own: a contiguous range of 2 x bit blocks.
void exchange(Round& round, std::uint32_t p, std::uint32_t bit, bool halving) {
  for (std::uint32_t r = 0; r < p; ++r) {
    const std::uint32_t partner = r ^ bit;
    const std::uint32_t first = (halving ? partner : r) / bit * bit;
    round.sends.push_back({r, partner, first, bit, halving ? SendAction::reduce : SendAction::copy});
  }
}

}  // namespace

bool halving_doubling_supports(CollectiveKind kind, const Group& group) {
  if (group.ranks < 2) return false;
  if (kind == CollectiveKind::all_reduce) return true;
  return (kind == CollectiveKind::reduce_scatter || kind == CollectiveKind::all_gather) &&
         std::has_single_bit(group.ranks);
}

CollectiveSchedule halving_doubling_schedule(CollectiveKind kind, const Group& group) {
  const std::uint32_t n = group.ranks, p = std::bit_floor(n);
  CollectiveSchedule schedule;
  schedule.ranks = n;
  schedule.chunks = p;
  schedule.chunk_share = 1.0 / p;
  schedule.lockstep = true;
  if (p < n) {
    Round& fold = schedule.rounds.emplace_back();
    for (std::uint32_t r = p; r < n; ++r) fold.sends.push_back({r, r - p, 0, p, SendAction::reduce});
  }
  if (kind != CollectiveKind::all_gather)
    for (std::uint32_t bit = p / 2; bit >= 1; bit /= 2) exchange(schedule.rounds.emplace_back(), p, bit, true);
  if (kind != CollectiveKind::reduce_scatter)
    for (std::uint32_t bit = 1; bit < p; bit *= 2) exchange(schedule.rounds.emplace_back(), p, bit, false);
  if (p < n) {
    Round& unfold = schedule.rounds.emplace_back();
    for (std::uint32_t r = p; r < n; ++r) unfold.sends.push_back({r - p, r, 0, p, SendAction::copy});
  }
  return schedule;
}

}  // namespace orrery
