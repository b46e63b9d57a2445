// Which nodes of a group are alike as partners of a node: those that meet it at the same level of the network (same leaf, same
// pod, across the core). Traffic that every node sends to all others alike then loads every link as if each node sent all
// of a level's traffic to one partner, the next block of the level round; tests hold the two equal link by link.
// Holds where levels above the node are switched, paths are spread ideally, and all blocks of a level hold equally many
// nodes of one pool with members on the same seats; elsewhere there are no levels and callers must write every pair.
#pragma once

#include <vector>

#include "kernels/collectives/group.hpp"

namespace orrery {

struct NodeLevel {
  std::vector<std::uint32_t> partner;  // by node: one that it meets at this level
  double nodes = 0;                    // how many it meets there in all
};

// Innermost first; empty for a group on one node and where nodes are not alike.
std::vector<NodeLevel> node_levels(const Group&);

}  // namespace orrery
