// All-gather in ceil(log2 n) rounds and the least bytes, for any group size; reduce-scatter is its mirror image in time.
//   bruck   doubles what every rank holds, nearest ranks first (Bruck et al., IEEE TPDS 8, 1997): the last and largest
//           exchange goes farthest
//   pat     parallel aggregated trees (Jeaugey, arXiv:2506.20252; NCCL 2.23): one binomial tree per rank, farthest
//           ranks first, so that the large exchanges stay near. Full aggregation, that is, buffers for n/2 chunks.
#include <algorithm>
#include <bit>
#include <utility>

#include "kernels/collectives/algorithms.hpp"

namespace orrery {

namespace {

// Ranks as the wiring has them, so that near positions are near devices.
RankList wired_order(const Group& group) {
  RankList order;
  for (const GroupNode& node : group.nodes) order.insert(order.end(), node.ranks.begin(), node.ranks.end());
  return order;
}

CollectiveSchedule blank(std::uint32_t n) {
  CollectiveSchedule schedule;
  schedule.ranks = n;
  schedule.chunks = n;
  schedule.chunk_share = 1.0 / n;
  schedule.lockstep = true;
  return schedule;
}

CollectiveSchedule for_kind(CollectiveKind kind, CollectiveSchedule all_gather) {
  return kind == CollectiveKind::all_gather ? all_gather : mirrored(std::move(all_gather), SendAction::reduce);
}

bool gathers(CollectiveKind kind, const Group& group) {
  return (kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter) && group.ranks >= 2;
}

// One round: every rank sends as many chunks to the rank that stands so far after (or before) it.
struct Stride {
  std::uint32_t distance = 0, chunks = 0;
};

// The schedules below hold n chunks of every rank, n^2 sends in all; their sums per pair are these.
std::vector<TrafficPhase> traffic_of_strides(CollectiveKind kind, const Group& group,
                                             const std::vector<Stride>& strides, bool onwards) {
  const std::uint32_t n = group.ranks;
  const RankList order = wired_order(group);
  std::vector<std::size_t> node_of(n);
  for (std::size_t k = 0; k < group.nodes.size(); ++k)
    for (std::uint32_t rank : group.nodes[k].ranks) node_of[rank] = k;
  TrafficPhase phase;
  phase.rounds = static_cast<std::uint32_t>(strides.size());
  phase.lockstep = true;
  for (const Stride& stride : strides) {
    bool leaves = false;
    std::vector<PairTraffic>& pairs = phase.each.emplace_back().pairs;
    for (std::uint32_t p = 0; p < n; ++p) {
      std::uint32_t from = order[p], to = order[(p + stride.distance) % n];
      leaves = leaves || node_of[from] != node_of[to];
      if (onwards != (kind == CollectiveKind::all_gather)) std::swap(from, to);
      pairs.push_back({from, to, stride.chunks * (1.0 / n), 1});
    }
    phase.pairs.insert(phase.pairs.end(), pairs.begin(), pairs.end());
    phase.node_rounds += leaves ? 1 : 0;
  }
  post_once_a_round(phase);
  merge_pairs(phase.pairs);
  return {phase};
}

}  // namespace

bool bruck_supports(CollectiveKind kind, const Group& group) {
  return gathers(kind, group) || (kind == CollectiveKind::all_to_all && group.ranks >= 2);
}

CollectiveSchedule bruck_schedule(CollectiveKind kind, const Group& group) {
  if (kind == CollectiveKind::all_to_all) return bruck_all_to_all(group);
  const std::uint32_t n = group.ranks;
  const RankList order = wired_order(group);
  CollectiveSchedule schedule = blank(n);
  for (std::uint32_t held = 1; held < n; held *= 2) {
    Round& round = schedule.rounds.emplace_back();
    for (std::uint32_t p = 0; p < n; ++p)
      for (std::uint32_t i = 0; i < std::min(held, n - held); ++i)  // what p + held .. holds goes back to p
        round.sends.push_back({order[(p + held) % n], order[p], order[(p + held + i) % n], 1, SendAction::copy});
  }
  return for_kind(kind, std::move(schedule));
}

std::vector<TrafficPhase> bruck_traffic(CollectiveKind kind, const Group& group) {
  if (kind == CollectiveKind::all_to_all) return {bruck_all_to_all_traffic(group)};
  std::vector<Stride> strides;
  for (std::uint32_t held = 1; held < group.ranks; held *= 2)
    strides.push_back({held, std::min(held, group.ranks - held)});
  return traffic_of_strides(kind, group, strides, false);
}

bool pat_supports(CollectiveKind kind, const Group& group) { return gathers(kind, group); }

// NCCL runs it over groups with one rank on each node.
bool pat_considered(CollectiveKind kind, const Group& group) {
  return pat_supports(kind, group) && group.nodes.size() == group.ranks;
}

CollectiveSchedule pat_schedule(CollectiveKind kind, const Group& group) {
  const std::uint32_t n = group.ranks;
  const RankList order = wired_order(group);
  CollectiveSchedule schedule = blank(n);
  for (std::uint32_t bit = std::bit_ceil(n) / 2; bit >= 1; bit /= 2) {
    Round& round = schedule.rounds.emplace_back();
    for (std::uint32_t root = 0; root < n; ++root)
      for (std::uint32_t offset = 0; offset + bit < n; offset += 2 * bit)
        round.sends.push_back(
            {order[(root + offset) % n], order[(root + offset + bit) % n], order[root], 1, SendAction::copy});
  }
  return for_kind(kind, std::move(schedule));
}

std::vector<TrafficPhase> pat_traffic(CollectiveKind kind, const Group& group) {
  const std::uint32_t n = group.ranks;
  std::vector<Stride> strides;
  for (std::uint32_t bit = std::bit_ceil(n) / 2; bit >= 1; bit /= 2)
    strides.push_back({bit, (n - bit + 2 * bit - 1) / (2 * bit)});
  return traffic_of_strides(kind, group, strides, true);
}

}  // namespace orrery
