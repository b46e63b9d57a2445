// The network that is assumed of machines that say no more: a non-blocking fat-tree of 64-port switches with as few levels as
// hold all NICs, beyond three by three levels of 256-port ones. Whole nodes share a leaf where they fit; one with more NICs
// has leaves to itself, and all NICs of a device are on one leaf.
#pragma once

#include <cstdint>
#include <optional>

namespace orrery {

struct AssumedTree {
  int levels = 1, radix = 64;
};

// `devices`, `nics`: of a node. None where the largest tree does not hold the nodes.
std::optional<AssumedTree> assumed_tree(std::int64_t nodes, std::int64_t devices, std::int64_t nics);
// Nodes that the largest one joins.
std::int64_t most_joined_nodes(std::int64_t devices, std::int64_t nics);

}  // namespace orrery
