// Where the switches between nodes can add (InfiniBand SHARP: Graham et al., COMHPC 2016 and ISC 2020): one tree of switches
// for every channel of the group, as an aggregation manager lays them. A tree joins the switches that the channel's carriers
// hang on by shortest paths to a root that is about equally far from all; channels take turns among equally good roots. A
// carrier whose NIC has failed leaves the channel to the member of its node that carries fewest, the next among equals.
// Empty where the fabric of the group cannot reduce, the group lies in one node, a node has no member whose NIC works, or
// failures keep the switches of a channel apart.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/cluster.hpp"

namespace orrery {

struct Group;

struct AggregationSwitch {
  VertexId place;
  std::int32_t parent = -1;                  // index in the tree; -1: the root
  std::uint32_t depth = 0, height = 0;       // from the root; to the farthest switch below
  std::vector<std::uint32_t> carriers;       // ranks that hang on it
  std::vector<std::uint32_t> children;       // indices
  std::uint32_t adder = 0, multicaster = 0;  // participants (a switch keeps nothing, so it is two)
};

struct AggregationTree {
  std::vector<AggregationSwitch> switches;  // parents before their children
  std::vector<std::uint32_t> carriers;      // by node of the group: the member that sends and receives for it
};

std::vector<AggregationTree> aggregation_trees(const Group&);

}  // namespace orrery
