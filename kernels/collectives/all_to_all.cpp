// All-to-all: chunk s x n + d goes from rank s to rank d.
//   direct        every rank posts its n - 1 messages at once, as NCCL's grouped sends and receives do: one path latency,
//                 n - 1 message costs
//   pairwise      n - 1 rounds, one partner in each (MPICH's long-message exchange; Thakur, Rabenseifner & Gropp, IJHPCA 19,
//                 2005): no two messages meet at a receiver, but every round pays the latency, and of links to single
//                 peers only one carries bytes at a time
//   bruck         ceil(log2 n) rounds of half the buffer each, relayed (Bruck et al., IEEE TPDS 8, 1997): for short messages
//   hierarchical  inside the node to the member on the receiver's rail, then one message per node along the rail (NCCL's PXN;
//                 DeepEP's internode dispatch): n/m - 1 messages leave a node of m instead of n - m, and no rail is crossed.
//                 The two halves are pipelined.
#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/node_levels.hpp"
#include "kernels/collectives/torus_all_to_all.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

// Written pair by pair, more would take minutes and all memory.
void check_pairs(double pairs) {
  constexpr double most = 1 << 27;
  if (pairs > most)
    throw SpecError(
        "", "/algorithm",
        fmt::format("an all_to_all of at most {:.0f} pairs where each is written by itself, as paths that are "
                    "hashed, nodes that are not alike and uneven shares need it",
                    most),
        fmt::format("{:.0f}", pairs));
}

CollectiveSchedule blank(std::uint32_t n) {
  check_pairs(static_cast<double>(n) * n);
  CollectiveSchedule schedule;
  schedule.ranks = n;
  schedule.chunks = n * n;
  schedule.chunk_share = 1.0 / n;
  schedule.lockstep = true;
  return schedule;
}

std::uint32_t partner(std::uint32_t rank, std::uint32_t round, std::uint32_t n) {
  return std::has_single_bit(n) ? rank ^ round : (rank + round) % n;
}

std::vector<std::uint32_t> node_of_ranks(const Group& group) {
  std::vector<std::uint32_t> node_of(group.ranks);
  for (std::uint32_t k = 0; k < group.nodes.size(); ++k)
    for (std::uint32_t rank : group.nodes[k].ranks) node_of[rank] = k;
  return node_of;
}

// Messages of one rank that leave its node, where most do.
std::uint32_t most_leaving(const Group& group) {
  std::size_t fewest = group.ranks;
  for (const GroupNode& node : group.nodes) fewest = std::min(fewest, node.ranks.size());
  return group.ranks - static_cast<std::uint32_t>(fewest);
}

void pairs_inside_nodes(const Group& group, double share, std::vector<PairTraffic>& pairs) {
  for (const GroupNode& node : group.nodes)
    for (std::uint32_t from : node.ranks)
      for (std::uint32_t to : node.ranks)
        if (from != to) pairs.push_back({from, to, share, 1});
}

// Every rank to every other, a share of 1/n each.
std::vector<PairTraffic> all_pairs(const Group& group) {
  const std::uint32_t n = group.ranks;
  const double share = 1.0 / n;
  std::vector<PairTraffic> pairs = torus_all_pairs(group, share);
  if (!pairs.empty()) return pairs;
  const std::vector<NodeLevel> levels = node_levels(group);
  if (levels.empty()) {
    check_pairs(static_cast<double>(n) * n);
    for (std::uint32_t from = 0; from < n; ++from)
      for (std::uint32_t to = 0; to < n; ++to)
        if (from != to) pairs.push_back({from, to, share, 1});
    return pairs;
  }
  pairs_inside_nodes(group, share, pairs);
  for (const NodeLevel& level : levels)
    for (std::uint32_t k = 0; k < group.nodes.size(); ++k)
      for (std::uint32_t from : group.nodes[k].ranks)
        for (std::uint32_t to : group.nodes[level.partner[k]].ranks) pairs.push_back({from, to, share, level.nodes});
  return pairs;
}

}  // namespace

bool pairwise_supports(CollectiveKind kind, const Group& group) {
  return kind == CollectiveKind::all_to_all && group.ranks >= 2;
}

CollectiveSchedule pairwise_schedule(CollectiveKind, const Group& group) {
  const std::uint32_t n = group.ranks;
  CollectiveSchedule schedule = blank(n);
  for (std::uint32_t t = 1; t < n; ++t) {
    Round& round = schedule.rounds.emplace_back();
    for (std::uint32_t r = 0; r < n; ++r)
      round.sends.push_back({r, partner(r, t, n), r * n + partner(r, t, n), 1, SendAction::copy});
  }
  return schedule;
}

namespace {

// Beyond so many ranks rounds are written by level of the network: exact for powers of two, where all messages of a round
// cross the same level; else the rounds in which messages of two levels mix count for the level that most of them cross.
constexpr std::uint32_t most_ranks_by_round = 256;

std::vector<RoundTraffic> pairwise_rounds(const Group& group) {
  const std::uint32_t n = group.ranks;
  std::vector<RoundTraffic> rounds;
  const std::vector<NodeLevel> levels = n > most_ranks_by_round ? node_levels(group) : std::vector<NodeLevel>();
  if (levels.empty()) {
    for (std::uint32_t t = 1; t < n; ++t) {
      std::vector<PairTraffic>& pairs = rounds.emplace_back().pairs;
      for (std::uint32_t r = 0; r < n; ++r) pairs.push_back({r, partner(r, t, n), 1.0 / n, 1});
    }
    return rounds;
  }
  const auto members = static_cast<std::uint32_t>(group.members_per_node());
  for (std::uint32_t t = 1; t < members; ++t) {
    std::vector<PairTraffic>& pairs = rounds.emplace_back().pairs;
    for (const GroupNode& node : group.nodes)
      for (std::uint32_t i = 0; i < members; ++i)
        pairs.push_back({node.ranks[i], node.ranks[partner(i, t, members)], 1.0 / n, 1});
  }
  for (const NodeLevel& level : levels) {
    std::vector<PairTraffic>& pairs = rounds.emplace_back().pairs;
    rounds.back().times = level.nodes * members;
    for (std::uint32_t k = 0; k < group.nodes.size(); ++k)
      for (std::uint32_t i = 0; i < members; ++i)
        pairs.push_back({group.nodes[k].ranks[i], group.nodes[level.partner[k]].ranks[i], 1.0 / n, 1});
  }
  return rounds;
}

}  // namespace

std::vector<TrafficPhase> pairwise_traffic(CollectiveKind, const Group& group) {
  const std::uint32_t n = group.ranks;
  const std::vector<std::uint32_t> node_of = node_of_ranks(group);
  TrafficPhase phase;
  phase.pairs = all_pairs(group);
  merge_pairs(phase.pairs);
  phase.rounds = n - 1;
  phase.lockstep = true;
  phase.each = pairwise_rounds(group);
  for (std::uint32_t t = 1; t < n; ++t)
    for (std::uint32_t r = 0; r < n; ++r)
      if (node_of[r] != node_of[partner(r, t, n)]) {
        ++phase.node_rounds;
        break;
      }
  post_once_a_round(phase);
  return {phase};
}

CollectiveSchedule direct_all_to_all(const Group& group) {
  const std::uint32_t n = group.ranks;
  CollectiveSchedule schedule = blank(n);
  Round& round = schedule.rounds.emplace_back();
  round.posts = n - 1;
  round.node_posts = most_leaving(group);
  for (std::uint32_t from = 0; from < n; ++from)
    for (std::uint32_t to = 0; to < n; ++to)
      if (from != to) round.sends.push_back({from, to, from * n + to, 1, SendAction::copy});
  return schedule;
}

TrafficPhase direct_all_to_all_traffic(const Group& group) {
  TrafficPhase phase;
  phase.pairs = all_pairs(group);
  merge_pairs(phase.pairs);
  phase.rounds = 1;
  phase.posts = group.ranks - 1;
  phase.node_rounds = group.one_node() ? 0 : 1;
  phase.node_posts = group.one_node() ? 0 : most_leaving(group);
  return phase;
}

// A block for the rank at distance o travels the powers of two that make up o, smallest first.
CollectiveSchedule bruck_all_to_all(const Group& group) {
  const std::uint32_t n = group.ranks;
  CollectiveSchedule schedule = blank(n);
  for (std::uint32_t bit = 1; bit < n; bit *= 2) {
    Round& round = schedule.rounds.emplace_back();
    for (std::uint32_t source = 0; source < n; ++source)
      for (std::uint32_t distance = 1; distance < n; ++distance) {
        if ((distance & bit) == 0) continue;
        const std::uint32_t from = (source + distance % bit) % n;
        round.sends.push_back({from, (from + bit) % n, source * n + (source + distance) % n, 1, SendAction::copy});
      }
  }
  return schedule;
}

TrafficPhase bruck_all_to_all_traffic(const Group& group) {
  const std::uint32_t n = group.ranks;
  const std::vector<std::uint32_t> node_of = node_of_ranks(group);
  TrafficPhase phase;
  phase.lockstep = true;
  for (std::uint32_t bit = 1; bit < n; bit *= 2) {
    std::uint32_t blocks = 0;
    std::vector<PairTraffic>& pairs = phase.each.emplace_back().pairs;
    for (std::uint32_t distance = 1; distance < n; ++distance) blocks += (distance & bit) != 0;
    bool crosses = false;
    for (std::uint32_t r = 0; r < n; ++r) {
      pairs.push_back({r, (r + bit) % n, blocks / static_cast<double>(n), 1});
      crosses = crosses || node_of[r] != node_of[(r + bit) % n];
    }
    phase.pairs.insert(phase.pairs.end(), pairs.begin(), pairs.end());
    ++phase.rounds;
    phase.node_rounds += crosses;
  }
  merge_pairs(phase.pairs);
  post_once_a_round(phase);
  return phase;
}

CollectiveSchedule hierarchical_all_to_all(const Group& group) {
  const std::uint32_t n = group.ranks;
  const auto members = static_cast<std::uint32_t>(group.members_per_node());
  const auto nodes = static_cast<std::uint32_t>(group.nodes.size());
  const auto rank = [&](std::uint32_t node, std::uint32_t i) { return group.nodes[node].ranks[i]; };
  CollectiveSchedule schedule = blank(n);
  schedule.lockstep = false;
  Round inside, outside;
  inside.posts = members - 1;
  outside.posts = outside.node_posts = nodes - 1;
  for (std::uint32_t k = 0; k < nodes; ++k)
    for (std::uint32_t i = 0; i < members; ++i)
      for (std::uint32_t j = 0; j < members; ++j)
        for (std::uint32_t other = 0; other < nodes; ++other) {
          const std::uint32_t chunk = rank(k, i) * n + rank(other, j);
          if (i != j) inside.sends.push_back({rank(k, i), rank(k, j), chunk, 1, SendAction::copy});
          if (k != other) outside.sends.push_back({rank(k, j), rank(other, j), chunk, 1, SendAction::copy});
        }
  schedule.rounds = {std::move(inside), std::move(outside)};
  return schedule;
}

TrafficPhase hierarchical_all_to_all_traffic(const Group& group) {
  const double members = static_cast<double>(group.members_per_node()), nodes = static_cast<double>(group.nodes.size());
  TrafficPhase phase;
  pairs_inside_nodes(group, 1 / members, phase.pairs);
  const auto along_rails = [&](std::size_t k, std::size_t other, double copies) {
    for (std::size_t i = 0; i < group.members_per_node(); ++i)
      phase.pairs.push_back({group.nodes[k].ranks[i], group.nodes[other].ranks[i], 1 / nodes, copies});
  };
  const std::vector<NodeLevel> levels = node_levels(group);
  if (levels.empty()) check_pairs(nodes * nodes * members);
  for (std::size_t k = 0; k < group.nodes.size(); ++k) {
    for (const NodeLevel& level : levels) along_rails(k, level.partner[k], level.nodes);
    for (std::size_t other = 0; levels.empty() && other < group.nodes.size(); ++other)
      if (other != k) along_rails(k, other, 1);
  }
  merge_pairs(phase.pairs);
  phase.rounds = 2;
  phase.node_rounds = 1;
  phase.node_posts = static_cast<std::uint32_t>(group.nodes.size()) - 1;
  phase.posts = phase.node_posts + static_cast<std::uint32_t>(group.members_per_node()) - 1;
  return phase;
}

}  // namespace orrery
