// Reduction inside the switch (NVLink SHARP): every member sends its buffer up once, the switch adds; member r fetches
// part r of the sum, stores it back up, and the switch multicasts it to all. (n+1)/n of the buffer crosses each link each
// way, which explains that bus bandwidth grows with n and exceeds the link rate (H200: 414, 436, 460, 473 GB/s on 5 to 8
// GPUs; the model gives 418, 441, 459, 473 from the last).
// Across nodes (NVLSTree): the switch of each node reduces, member c of a node carries part c over a double binary tree of
// nodes through its own NIC, and the switches multicast.
#include <algorithm>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/trees.hpp"

namespace orrery {

namespace {

bool reduces(CollectiveKind kind) {
  return kind == CollectiveKind::all_reduce || kind == CollectiveKind::reduce_scatter;
}

}  // namespace

bool in_switch_supports(CollectiveKind kind, const Group& group) {
  const bool known = reduces(kind) || kind == CollectiveKind::all_gather || kind == CollectiveKind::broadcast;
  return known && group.ranks >= 2 && group.one_node() && group.in_switch();
}

// Libraries use it for all-reduce of more than four GPUs (NCCL on H200 and B200: from 5 and 6).
bool in_switch_considered(CollectiveKind kind, const Group& group) {
  return kind == CollectiveKind::all_reduce && group.ranks > 4 && in_switch_supports(kind, group);
}

CollectiveSchedule in_switch_schedule(CollectiveKind kind, const Group& group) {
  const std::uint32_t n = group.ranks, adder = group.adder(0), multicaster = group.multicaster(0);
  CollectiveSchedule schedule;
  schedule.ranks = n;
  schedule.switches = 2;
  schedule.chunks = n;
  schedule.chunk_share = 1.0 / n;
  if (kind == CollectiveKind::broadcast) {
    schedule.rounds.emplace_back().sends.push_back({0, multicaster, 0, n, SendAction::copy});
    Round& down = schedule.rounds.emplace_back();
    for (std::uint32_t r = 1; r < n; ++r) down.sends.push_back({multicaster, r, 0, n, SendAction::copy});
    return schedule;
  }
  if (reduces(kind)) {
    Round& up = schedule.rounds.emplace_back();
    for (std::uint32_t r = 0; r < n; ++r) up.sends.push_back({r, adder, 0, n, SendAction::reduce});
    Round& down = schedule.rounds.emplace_back();
    for (std::uint32_t r = 0; r < n; ++r) down.sends.push_back({adder, r, r, 1, SendAction::copy});
  }
  if (kind != CollectiveKind::reduce_scatter) {
    Round& up = schedule.rounds.emplace_back();
    for (std::uint32_t r = 0; r < n; ++r) up.sends.push_back({r, multicaster, r, 1, SendAction::copy});
    Round& down = schedule.rounds.emplace_back();
    for (std::uint32_t r = 0; r < n; ++r) down.sends.push_back({multicaster, r, 0, n, SendAction::copy});
  }
  return schedule;
}

bool switch_tree_supports(CollectiveKind kind, const Group& group) {
  return kind == CollectiveKind::all_reduce && group.nodes.size() >= 2 && group.in_switch() &&
         std::all_of(group.nodes.begin(), group.nodes.end(),
                     [](const GroupNode& node) { return node.ranks.size() >= 2; });
}

CollectiveSchedule switch_tree_schedule(CollectiveKind, const Group& group) {
  const std::size_t channels = channel_count(group);
  const auto nodes = static_cast<std::uint32_t>(group.nodes.size());
  const auto trees = double_binary_tree(nodes);
  CollectiveSchedule schedule;
  schedule.ranks = group.ranks;
  schedule.switches = 2 * nodes;
  schedule.chunks = static_cast<std::uint32_t>(2 * channels);
  schedule.chunk_share = 1.0 / schedule.chunks;
  const auto carrier = [&](std::uint32_t node, std::size_t c) { return carrier_of(group, node, c, channels); };
  const auto everyone = [&](bool upwards) {  // into the adders, out of the multicasters
    Round& round = schedule.rounds.emplace_back();
    for (std::uint32_t k = 0; k < nodes; ++k)
      for (std::uint32_t rank : group.nodes[k].ranks)
        round.sends.push_back(upwards ? Send{rank, group.adder(k), 0, schedule.chunks, SendAction::reduce}
                                      : Send{group.multicaster(k), rank, 0, schedule.chunks, SendAction::copy});
  };
  const auto carriers = [&](bool upwards) {  // out of the adders, into the multicasters
    Round& round = schedule.rounds.emplace_back();
    for (std::uint32_t k = 0; k < nodes; ++k)
      for (std::size_t c = 0; c < channels; ++c) {
        const auto chunk = static_cast<std::uint32_t>(2 * c);
        round.sends.push_back(upwards ? Send{carrier(k, c), group.multicaster(k), chunk, 2, SendAction::copy}
                                      : Send{group.adder(k), carrier(k, c), chunk, 2, SendAction::copy});
      }
  };
  everyone(true);
  carriers(false);
  for (const TreeRound& step : tree_all_reduce_rounds(trees)) {
    Round& round = schedule.rounds.emplace_back();
    for (const TreeEdge& edge : step)
      for (std::size_t c = 0; c < channels; ++c)
        round.sends.push_back({carrier(edge.from, c), carrier(edge.to, c),
                               static_cast<std::uint32_t>(2 * c) + edge.tree, 1,
                               edge.reduce ? SendAction::reduce : SendAction::copy});
  }
  carriers(true);
  everyone(false);
  return schedule;
}

}  // namespace orrery
