// All-reduce of whole buffers, for short messages.
//   recursive-doubling  partners at distance 1, 2, 4, ... add each other's buffers: log2 n rounds of the whole buffer; other
//                       than powers of two fold the surplus ranks as halving-doubling does (Thakur, Rabenseifner & Gropp,
//                       IJHPCA 19, 2005)
//   one-shot            every rank stores its buffer into all others, one round (the small-message kernel of inference
//                       stacks, e.g. TensorRT-LLM and vLLM custom all-reduce); two shots are `direct`
#include <bit>

#include "kernels/collectives/algorithms.hpp"

namespace orrery {

bool exchange_supports(CollectiveKind kind, const Group& group) {
  return kind == CollectiveKind::all_reduce && group.ranks >= 2;
}

CollectiveSchedule recursive_doubling_schedule(CollectiveKind, const Group& group) {
  const std::uint32_t n = group.ranks, p = std::bit_floor(n);
  CollectiveSchedule schedule;
  schedule.ranks = n;
  schedule.lockstep = true;
  const auto surplus = [&](bool fold) {
    if (p == n) return;
    Round& round = schedule.rounds.emplace_back();
    for (std::uint32_t r = p; r < n; ++r)
      round.sends.push_back(fold ? Send{r, r - p, 0, 1, SendAction::reduce} : Send{r - p, r, 0, 1, SendAction::copy});
  };
  surplus(true);
  for (std::uint32_t bit = 1; bit < p; bit *= 2) {
    Round& round = schedule.rounds.emplace_back();
    for (std::uint32_t r = 0; r < p; ++r) round.sends.push_back({r, r ^ bit, 0, 1, SendAction::reduce});
  }
  surplus(false);
  return schedule;
}

CollectiveSchedule one_shot_schedule(CollectiveKind, const Group& group) {
  const std::uint32_t n = group.ranks;
  CollectiveSchedule schedule;
  schedule.ranks = n;
  Round& round = schedule.rounds.emplace_back();
  for (std::uint32_t from = 0; from < n; ++from)
    for (std::uint32_t to = 0; to < n; ++to)
      if (from != to) round.sends.push_back({from, to, 0, 1, SendAction::reduce});
  return schedule;
}

}  // namespace orrery
