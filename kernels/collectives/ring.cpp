// Ring collectives: every rank sends to its successor only. All-reduce is a reduce-scatter followed by an all-gather,
// 2(n-1) rounds of 1/n of the buffer each, which is the least any algorithm without in-network reduction can send
// (Patarasuk & Yuan, J. Parallel Distrib. Comput. 69, 2009). Broadcast and reduce are chains, cut into pieces so that a rank
// forwards one piece while it receives the next.
#include <algorithm>

#include "kernels/collectives/algorithms.hpp"

namespace orrery {

namespace {

constexpr std::uint32_t chain_pieces = 8;

bool is_chain(CollectiveKind kind) { return kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce; }

// One ring per channel, each starting at the root for rooted collectives.
std::vector<RankList> orders(CollectiveKind kind, const Group& group) {
  auto rings = ring_orders(group, is_chain(kind));
  if (is_chain(kind))
    for (RankList& ring : rings) std::rotate(ring.begin(), std::find(ring.begin(), ring.end(), 0u), ring.end());
  return rings;
}

// Round t of a reduce-scatter: position p passes on what it has of the block that ends t + 1 positions before it.
void reduce_scatter_round(const std::vector<RankList>& rings, std::uint32_t t, Round& round) {
  const auto channels = static_cast<std::uint32_t>(rings.size());
  for (std::uint32_t c = 0; c < channels; ++c) {
    const RankList& ring = rings[c];
    const auto n = static_cast<std::uint32_t>(ring.size());
    for (std::uint32_t p = 0; p < n; ++p) {
      const std::uint32_t owner = ring[(p + 2 * n - t - 1) % n];
      round.sends.push_back({ring[p], ring[(p + 1) % n], owner * channels + c, 1, SendAction::reduce});
    }
  }
}

void all_gather_round(const std::vector<RankList>& rings, std::uint32_t t, Round& round) {
  const auto channels = static_cast<std::uint32_t>(rings.size());
  for (std::uint32_t c = 0; c < channels; ++c) {
    const RankList& ring = rings[c];
    const auto n = static_cast<std::uint32_t>(ring.size());
    for (std::uint32_t p = 0; p < n; ++p)
      round.sends.push_back({ring[p], ring[(p + 1) % n], ring[(p + n - t) % n] * channels + c, 1, SendAction::copy});
  }
}

// Piece k leaves position p in round p + k (broadcast away from the root) or its mirror image (reduce towards it).
CollectiveSchedule chain(CollectiveKind kind, const std::vector<RankList>& rings, std::uint32_t n) {
  CollectiveSchedule schedule;
  const auto channels = static_cast<std::uint32_t>(rings.size());
  schedule.ranks = n;
  schedule.chunks = channels * chain_pieces;
  schedule.chunk_share = 1.0 / schedule.chunks;
  for (std::uint32_t t = 0; t + 1 < n + chain_pieces; ++t) {
    Round round;
    for (std::uint32_t c = 0; c < channels; ++c)
      for (std::uint32_t p = 0; p + 1 < n; ++p) {
        if (t < p || t - p >= chain_pieces) continue;
        const std::uint32_t chunk = c * chain_pieces + (t - p);
        if (kind == CollectiveKind::broadcast)
          round.sends.push_back({rings[c][p], rings[c][p + 1], chunk, 1, SendAction::copy});
        else
          round.sends.push_back({rings[c][n - 1 - p], rings[c][n - 2 - p], chunk, 1, SendAction::reduce});
      }
    if (!round.sends.empty()) schedule.rounds.push_back(std::move(round));
  }
  return schedule;
}

// A chain is gone through once: its pieces follow each other.
LongestWay way_along(CollectiveKind kind, std::vector<RankList> chains) {
  return [kind, chains = std::move(chains)](const HopDelay& delay) {
    double longest = 0;
    for (const RankList& ranks : chains) {
      double sum = 0;
      for (std::size_t p = 0; p + 1 < ranks.size(); ++p)
        sum += kind == CollectiveKind::reduce ? delay(ranks[p + 1], ranks[p]) : delay(ranks[p], ranks[p + 1]);
      longest = std::max(longest, sum);
    }
    return longest;
  };
}

}  // namespace

bool ring_supports(CollectiveKind kind, const Group& group) {
  switch (kind) {
    case CollectiveKind::all_reduce:
    case CollectiveKind::reduce_scatter:
    case CollectiveKind::all_gather:
    case CollectiveKind::broadcast:
    case CollectiveKind::reduce:
      return group.ranks >= 2;
    default:
      return false;
  }
}

bool ring_considered(CollectiveKind kind, const Group& group) {
  return ring_supports(kind, group) && !only_by_levels(kind, group);
}

CollectiveSchedule ring_schedule(CollectiveKind kind, const Group& group) {
  const auto rings = orders(kind, group);
  const std::uint32_t n = group.ranks;
  if (is_chain(kind)) return chain(kind, rings, n);
  CollectiveSchedule schedule;
  schedule.ranks = n;
  schedule.chunks = n * static_cast<std::uint32_t>(rings.size());
  schedule.chunk_share = 1.0 / schedule.chunks;
  if (kind != CollectiveKind::all_gather)
    for (std::uint32_t t = 0; t + 1 < n; ++t) reduce_scatter_round(rings, t, schedule.rounds.emplace_back());
  if (kind != CollectiveKind::reduce_scatter)
    for (std::uint32_t t = 0; t + 1 < n; ++t) all_gather_round(rings, t, schedule.rounds.emplace_back());
  return schedule;
}

std::vector<TrafficPhase> ring_traffic(CollectiveKind kind, const Group& group) {
  auto rings = orders(kind, group);
  const std::uint32_t n = group.ranks;
  TrafficPhase phase;
  const double channels = static_cast<double>(rings.size());
  const double passes = kind == CollectiveKind::all_reduce ? 2 : 1;
  for (const RankList& ring : rings)
    for (std::uint32_t p = 0; p < n; ++p) {
      const std::uint32_t next = ring[(p + 1) % n];
      if (!is_chain(kind))
        phase.pairs.push_back({ring[p], next, passes * (n - 1) / n / channels, 1});
      else if (p + 1 < n && kind == CollectiveKind::broadcast)
        phase.pairs.push_back({ring[p], next, 1 / channels, 1});
      else if (p + 1 < n)
        phase.pairs.push_back({next, ring[p], 1 / channels, 1});
    }
  merge_pairs(phase.pairs);
  phase.rounds = is_chain(kind) ? n - 1 + chain_pieces - 1 : static_cast<std::uint32_t>(passes) * (n - 1);
  // The chain of dependent sends goes round the ring `passes` times, crossing into every other node once each time.
  const auto nodes = static_cast<std::uint32_t>(group.nodes.size());
  phase.node_rounds = nodes < 2 ? 0 : is_chain(kind) ? nodes - 1 : static_cast<std::uint32_t>(passes) * (nodes - 1);
  post_once_a_round(phase);
  // Inside a node, where hops differ by a microsecond, the fitted costs of a round hold what is not alike about them.
  if (is_chain(kind))
    phase.longest = way_along(kind, std::move(rings));
  else if (!group.one_node())
    phase.longest = way_round(std::move(rings), phase.rounds);
  return {phase};
}

}  // namespace orrery
