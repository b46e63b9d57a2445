#include "scenarios/assumed_tree.hpp"

#include <algorithm>
#include <array>

namespace orrery {

namespace {

constexpr std::array<AssumedTree, 4> trees = {{{1, 64}, {2, 64}, {3, 64}, {3, 256}}};

std::int64_t most_nodes(AssumedTree tree, std::int64_t devices, std::int64_t nics) {
  const std::int64_t radix = tree.radix, down = tree.levels == 1 ? radix : radix / 2;
  const std::int64_t leaves = tree.levels == 1 ? 1 : tree.levels == 2 ? radix : radix * radix / 2;
  if (nics <= down) return leaves * (down / nics);
  const std::int64_t together = std::max<std::int64_t>(1, nics / devices), on_leaf = down / together * together;
  return on_leaf > 0 ? leaves / ((nics + on_leaf - 1) / on_leaf) : 0;
}

}  // namespace

std::optional<AssumedTree> assumed_tree(std::int64_t nodes, std::int64_t devices, std::int64_t nics) {
  for (const AssumedTree& tree : trees)
    if (nodes <= most_nodes(tree, devices, nics)) return tree;
  return std::nullopt;
}

std::int64_t most_joined_nodes(std::int64_t devices, std::int64_t nics) {
  return most_nodes(trees.back(), devices, nics);
}

}  // namespace orrery
