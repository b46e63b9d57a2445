#include "kernels/collectives/trees.hpp"

#include <algorithm>

namespace orrery {

namespace {

// In-order binary tree: leaves are the even numbers; the node with lowest set bit b has its parent at b's level above.
// Numbers past the end are skipped by descending to the left.
Tree in_order_tree(std::uint32_t n) {
  Tree tree;
  tree.parent.assign(n, -1);
  // Number nodes 1..n so that the lowest set bit is the level.
  std::uint64_t top = 1;
  while (top * 2 <= n) top *= 2;
  for (std::uint64_t i = 1; i <= n; ++i) {
    if (i == top) continue;
    std::uint64_t node = i, parent;
    do {
      const std::uint64_t bit = node & (~node + 1);
      parent = (node ^ bit) | (bit << 1);
      node = parent;
    } while (parent > n);
    tree.parent[i - 1] = static_cast<std::int64_t>(parent - 1);
  }
  return tree;
}

}  // namespace

// In steps that grow with the nodes alone, however long the chains: heights from the leaves up, depths the other way.
void measure(Tree& tree) {
  const std::size_t n = tree.parent.size();
  tree.depth.assign(n, 0);
  tree.height.assign(n, 0);
  std::vector<std::uint32_t> waiting(n, 0);  // children that are not measured
  for (std::int64_t parent : tree.parent)
    if (parent >= 0) ++waiting[static_cast<std::size_t>(parent)];
  std::vector<std::size_t> upwards;  // children before their parents
  upwards.reserve(n);
  for (std::size_t i = 0; i < n; ++i)
    if (waiting[i] == 0) upwards.push_back(i);
  for (std::size_t next = 0; next < upwards.size(); ++next) {
    const std::size_t i = upwards[next];
    if (tree.parent[i] < 0) continue;
    const auto parent = static_cast<std::size_t>(tree.parent[i]);
    tree.height[parent] = std::max(tree.height[parent], tree.height[i] + 1);
    if (--waiting[parent] == 0) upwards.push_back(parent);
  }
  for (std::size_t next = upwards.size(); next-- > 0;)
    if (const std::size_t i = upwards[next]; tree.parent[i] >= 0)
      tree.depth[i] = tree.depth[static_cast<std::size_t>(tree.parent[i])] + 1;
}

std::vector<Tree> double_binary_tree(std::uint32_t n) {
  Tree first = in_order_tree(n), second;
  second.parent.assign(n, -1);
  const auto image = [&](std::size_t i) { return n % 2 == 0 ? n - 1 - i : (i + 1) % n; };
  for (std::size_t i = 0; i < n; ++i)
    if (first.parent[i] >= 0)
      second.parent[image(i)] = static_cast<std::int64_t>(image(static_cast<std::size_t>(first.parent[i])));
  measure(first);
  measure(second);
  return {first, second};
}

std::vector<TreeRound> tree_all_reduce_rounds(const std::vector<Tree>& trees) {
  std::uint32_t height = 0;
  for (const Tree& tree : trees) height = std::max(height, *std::max_element(tree.height.begin(), tree.height.end()));
  std::vector<TreeRound> rounds(2 * height);
  for (std::uint32_t t = 0; t < trees.size(); ++t)
    for (std::uint32_t i = 0; i < trees[t].parent.size(); ++i) {
      if (trees[t].parent[i] < 0) continue;
      const auto parent = static_cast<std::uint32_t>(trees[t].parent[i]);
      // A node sends up once its subtree is in, and gets the sum when its parent has it.
      rounds[trees[t].height[i]].push_back({i, parent, t, true});
      rounds[height + trees[t].depth[i] - 1].push_back({parent, i, t, false});
    }
  return rounds;
}

}  // namespace orrery
