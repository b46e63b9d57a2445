// Nodes whose devices have host links, and CXL memory that several of them share, in plain numbers: what a test is not
// about is left as the specs have it.
#pragma once

#include "tests/topologies/fixture.hpp"

namespace orrery::testing {

inline NodeModel with_host_links(NodeModel node, double bandwidth) {
  node.device.host_link.emplace();
  node.device.host_link->link = "pcie";
  node.device.host_link->bandwidth_per_direction = BytesPerSecond(bandwidth);
  return node;
}

// Expanders behind every two nodes, each of which has one link to them.
inline MemoryPoolSpec memory_of_two_nodes(LinkModel link_of_node, int expanders, double bytes_per_expander) {
  MemoryPoolSpec pool;
  pool.nodes = 2;
  pool.link = std::move(link_of_node);
  pool.expanders = expanders;
  pool.capacity = Bytes(bytes_per_expander);
  return pool;
}

}  // namespace orrery::testing
