// Two-level all-reduce: reduce-scatter inside every node, all-reduce of part i among the i-th members of all nodes, all-gather
// inside every node, one after the other (2D-torus style: Mikami et al., arXiv:1811.05233; BlueConnect: Cho et al., SysML
// 2019). Rounds grow with members + nodes instead of their product. Needs equally many members on every node.
// Two-level all-to-all: see all_to_all.cpp.
#include "kernels/collectives/algorithms.hpp"

namespace orrery {

bool hierarchical_supports(CollectiveKind kind, const Group& group) {
  return (kind == CollectiveKind::all_reduce || kind == CollectiveKind::all_to_all) && group.nodes.size() >= 2 &&
         group.members_per_node() >= 2 && group.equal_nodes();
}

// Libraries send all-to-alls along the rails (NCCL's PXN, on since 2.12).
bool hierarchical_considered(CollectiveKind kind, const Group& group) {
  return kind == CollectiveKind::all_to_all && hierarchical_supports(kind, group);
}

std::vector<TrafficPhase> hierarchical_traffic(CollectiveKind kind, const Group& group) {
  if (kind == CollectiveKind::all_to_all) return {hierarchical_all_to_all_traffic(group)};
  return aggregate(hierarchical_schedule(kind, group), group);
}

CollectiveSchedule hierarchical_schedule(CollectiveKind kind, const Group& group) {
  if (kind == CollectiveKind::all_to_all) return hierarchical_all_to_all(group);
  const auto nodes = static_cast<std::uint32_t>(group.nodes.size());
  const auto members = static_cast<std::uint32_t>(group.members_per_node());
  CollectiveSchedule schedule;
  schedule.ranks = group.ranks;
  schedule.chunks = nodes * members;  // part i is chunks i x nodes ...
  schedule.chunk_share = 1.0 / schedule.chunks;
  const auto rank = [&](std::uint32_t node, std::uint32_t i) { return group.nodes[node].ranks[i]; };
  const auto inside = [&](std::uint32_t phase, bool reduce) {
    for (std::uint32_t t = 0; t + 1 < members; ++t) {
      Round& round = schedule.rounds.emplace_back();
      round.phase = phase;
      for (std::uint32_t k = 0; k < nodes; ++k)
        for (std::uint32_t i = 0; i < members; ++i) {
          const std::uint32_t part = (i + 2 * members - t - (reduce ? 1 : 0)) % members;
          round.sends.push_back({rank(k, i), rank(k, (i + 1) % members), part * nodes, nodes,
                                 reduce ? SendAction::reduce : SendAction::copy});
        }
    }
  };
  inside(0, true);
  for (std::uint32_t t = 0; t < 2 * (nodes - 1); ++t) {
    Round& round = schedule.rounds.emplace_back();
    round.phase = 1;
    const bool reduce = t < nodes - 1;
    const std::uint32_t step = reduce ? t + 1 : t - (nodes - 1);
    for (std::uint32_t k = 0; k < nodes; ++k)
      for (std::uint32_t i = 0; i < members; ++i)
        round.sends.push_back({rank(k, i), rank((k + 1) % nodes, i), i * nodes + (k + 2 * nodes - step) % nodes, 1,
                               reduce ? SendAction::reduce : SendAction::copy});
  }
  inside(2, false);
  return schedule;
}

}  // namespace orrery
