// The double binary tree (Sanders, Speck & Traeff, Parallel Computing 35, 2009; used by NCCL since 2.4): two trees over the
// same nodes such that every node is inner in at most one of them. Each carries half of the buffer, so that all nodes send
// and receive about the same.
#pragma once

#include <cstdint>
#include <vector>

namespace orrery {

struct Tree {
  std::vector<std::int64_t> parent;   // by node; -1 at the root
  std::vector<std::uint32_t> height;  // by node: longest way down to a leaf
  std::vector<std::uint32_t> depth;   // by node: way up to the root
};

// The in-order binary tree over 0 .. n-1 and its image under i -> n-1-i (n even) or i -> i+1 mod n (n odd).
std::vector<Tree> double_binary_tree(std::uint32_t nodes);

struct TreeEdge {
  std::uint32_t from = 0, to = 0, tree = 0;
  bool reduce = false;
};
using TreeRound = std::vector<TreeEdge>;

// Reduce to the roots, then broadcast; both trees at once. 2 x the height of the taller tree rounds.
std::vector<TreeRound> tree_all_reduce_rounds(const std::vector<Tree>&);

// Fills heights and depths from parents.
void measure(Tree&);

}  // namespace orrery
