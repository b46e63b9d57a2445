// Double binary tree all-reduce: rounds grow with the logarithm of the group, and every rank sends at most twice the buffer.
// Over nodes, as in NCCL: the trees join the nodes, and inside a node the members hang on the tree's member as a chain; one
// pair of trees per NIC.
#include <algorithm>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/trees.hpp"

namespace orrery {

namespace {

// Tree over ranks: the node tree between heads, then chains below the heads.
Tree with_chains(const Tree& node_tree, const Group& group, std::size_t channel, std::size_t channels) {
  Tree tree;
  tree.parent.assign(group.ranks, -1);
  std::vector<std::uint32_t> head(group.nodes.size());
  for (std::size_t k = 0; k < group.nodes.size(); ++k) {
    const std::uint32_t first = carrier_of(group, k, channel, channels);
    RankList order = group.nodes[k].ranks;
    std::rotate(order.begin(), std::find(order.begin(), order.end(), first), order.end());
    head[k] = first;
    for (std::size_t i = 1; i < order.size(); ++i) tree.parent[order[i]] = order[i - 1];
  }
  for (std::size_t k = 0; k < group.nodes.size(); ++k)
    if (node_tree.parent[k] >= 0) tree.parent[head[k]] = head[static_cast<std::size_t>(node_tree.parent[k])];
  measure(tree);
  return tree;
}

}  // namespace

bool tree_supports(CollectiveKind kind, const Group& group) {
  return kind == CollectiveKind::all_reduce && group.ranks >= 2;
}

// Inside one host libraries run rings. Over slices of thousands of devices the chains are no way to go.
bool tree_considered(CollectiveKind kind, const Group& group) {
  return tree_supports(kind, group) && !group.one_node() && !group.over_pcie() && !only_by_levels(kind, group);
}

CollectiveSchedule tree_schedule(CollectiveKind, const Group& group) {
  std::vector<Tree> trees;
  if (group.one_node()) {
    trees = double_binary_tree(group.ranks);
  } else {
    const std::size_t channels = channel_count(group);
    const auto node_trees = double_binary_tree(static_cast<std::uint32_t>(group.nodes.size()));
    for (std::size_t c = 0; c < channels; ++c)
      for (const Tree& node_tree : node_trees) trees.push_back(with_chains(node_tree, group, c, channels));
  }
  CollectiveSchedule schedule;
  schedule.ranks = group.ranks;
  schedule.chunks = static_cast<std::uint32_t>(trees.size());
  schedule.chunk_share = 1.0 / schedule.chunks;
  for (const TreeRound& step : tree_all_reduce_rounds(trees)) {
    Round& round = schedule.rounds.emplace_back();
    for (const TreeEdge& edge : step)
      round.sends.push_back({edge.from, edge.to, edge.tree, 1, edge.reduce ? SendAction::reduce : SendAction::copy});
  }
  return schedule;
}

}  // namespace orrery
