// Direct exchange: every rank sends to its final receiver without relays. All-to-all posts all messages at once, gather and
// scatter likewise at the root; a point-to-point message is the smallest case, and among more than two every rank sends to
// the next and receives from the one before, as sendrecv_perf of nccl-tests does. All-reduce in two shots (reduce-scatter,
// then all-gather, one round each) is bandwidth-optimal on a full mesh, where it uses all links at once.
// The barrier is the dissemination algorithm (Hensgen, Finkel & Manber, IJPP 17, 1988): ceil(log2 n) rounds without data.
#include <algorithm>

#include "kernels/collectives/algorithms.hpp"

namespace orrery {

namespace {

CollectiveSchedule make(std::uint32_t n, std::uint32_t chunks, double chunk_share) {
  CollectiveSchedule schedule;
  schedule.ranks = n;
  schedule.chunks = chunks;
  schedule.chunk_share = chunk_share;
  schedule.lockstep = true;
  return schedule;
}

void everyone_to_everyone(Round& round, std::uint32_t n, bool own_block, SendAction action) {
  for (std::uint32_t shift = 1; shift < n; ++shift)
    for (std::uint32_t r = 0; r < n; ++r) {
      const std::uint32_t to = (r + shift) % n;
      round.sends.push_back({r, to, own_block ? r : to, 1, action});
    }
}

void at_the_root(CollectiveSchedule& schedule, bool gather, const Group& group) {
  Round& round = schedule.rounds.emplace_back();
  for (std::uint32_t r = 1; r < group.ranks; ++r)
    round.sends.push_back(gather ? Send{r, 0, r, 1, SendAction::copy} : Send{0, r, r, 1, SendAction::copy});
  round.posts = group.ranks - 1;
  for (const GroupNode& node : group.nodes)
    if (std::find(node.ranks.begin(), node.ranks.end(), 0u) != node.ranks.end())
      round.node_posts = group.ranks - static_cast<std::uint32_t>(node.ranks.size());
}

CollectiveSchedule barrier(std::uint32_t n) {
  CollectiveSchedule schedule = make(n, 1, 0);
  for (std::uint32_t distance = 1; distance < n; distance *= 2) {
    Round& round = schedule.rounds.emplace_back();
    for (std::uint32_t r = 0; r < n; ++r) round.sends.push_back({r, (r + distance) % n, 0, 0, SendAction::copy});
  }
  return schedule;
}

}  // namespace

bool direct_supports(CollectiveKind kind, const Group& group) {
  return kind != CollectiveKind::none && kind != CollectiveKind::broadcast && kind != CollectiveKind::reduce &&
         group.ranks >= 2;
}

bool direct_considered(CollectiveKind kind, const Group& group) {
  if (!direct_supports(kind, group)) return false;
  const bool relays_pay = kind == CollectiveKind::all_reduce || kind == CollectiveKind::reduce_scatter ||
                          kind == CollectiveKind::all_gather;
  // Between two the ring is the same exchange, and it is what libraries run.
  return !relays_pay || (group.ranks > 2 && group.scale_up() && group.scale_up()->kind == DomainKind::full_mesh);
}

std::vector<TrafficPhase> direct_traffic(CollectiveKind kind, const Group& group) {
  if (kind == CollectiveKind::all_to_all) return {direct_all_to_all_traffic(group)};
  return aggregate(direct_schedule(kind, group), group);
}

CollectiveSchedule direct_schedule(CollectiveKind kind, const Group& group) {
  const std::uint32_t n = group.ranks;
  CollectiveSchedule schedule = make(n, n, 1.0 / n);
  switch (kind) {
    case CollectiveKind::all_to_all:
      return direct_all_to_all(group);
    case CollectiveKind::barrier:
      return barrier(n);
    case CollectiveKind::send_receive:
      schedule = make(n, 1, 1);
      schedule.rounds.emplace_back();
      for (std::uint32_t r = 0; r < (n == 2 ? 1 : n); ++r)
        schedule.rounds.back().sends.push_back({r, (r + 1) % n, 0, 1, SendAction::copy});
      return schedule;
    case CollectiveKind::gather:
    case CollectiveKind::scatter:
      at_the_root(schedule, kind == CollectiveKind::gather, group);
      return schedule;
    default:
      break;
  }
  if (kind != CollectiveKind::all_gather)
    everyone_to_everyone(schedule.rounds.emplace_back(), n, false, SendAction::reduce);
  if (kind != CollectiveKind::reduce_scatter)
    everyone_to_everyone(schedule.rounds.emplace_back(), n, true, SendAction::copy);
  return schedule;
}

}  // namespace orrery
