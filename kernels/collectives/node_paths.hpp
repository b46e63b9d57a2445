// How the channels of a ring over nodes cross a node whose devices are joined without a switch: on paths over direct links
// alone, each from a NIC's device through every member to another's, that share cables as little as the wiring allows. Which
// family the wiring belongs to plays no part.
// Paths are taken from a complete graph's decomposition (see zigzag) or from disjoint rings, each cut open between two
// devices, wherever that is as good as counting cables says it can be; else they are searched for, depth first with restarts,
// a number of steps long. NCCL searches its channels likewise (graph/search.cc). Assumes cables that are as wide both ways.
// Where no path over direct links visits all members there is none, and members are routed through others.
#pragma once

#include "kernels/collectives/graph_rings.hpp"

namespace orrery {

struct NodeInside {
  DirectLinks links;
  std::vector<std::size_t> nic;  // of each member, from 0
  std::size_t nics = 1;
  double nic_rate = 0;  // B/s of one; 0: whatever it takes
};

struct NodePaths {
  std::vector<RankList> paths;  // of members by position, one per channel; empty: there are none
  std::size_t shared = 0;       // of them at most over one cable of the slowest link's rate
};

// One path for each of `channels`; the channels enter by the NICs in turn, and as few as can be leave by the same one.
NodePaths node_paths(const NodeInside&, std::size_t channels);
// As many channels, at least those, as carry the most: several per NIC where cables then are used more evenly.
NodePaths best_node_paths(const NodeInside&, std::size_t channels);
// By which of `nics` a channel enters a node.
inline std::size_t nic_of_channel(std::size_t channel, std::size_t channels, std::size_t nics) {
  return channel * nics / channels;
}

}  // namespace orrery
