// Which NICs share a block of switch ports (a leaf, a router, a group of routers): whole nodes where they fit, in node order,
// otherwise NIC by NIC.
#pragma once

#include "topologies/wiring.hpp"

namespace orrery {

struct PortBlocks {
  std::vector<std::uint32_t> block_of_port;
  std::vector<std::uint32_t> slot_of_port;  // first cable's place inside the block
  std::vector<std::uint32_t> block_of_node;
  std::uint32_t blocks = 0;
  bool whole_nodes = true;  // no node is spread over several blocks
};

// Faults at `limit`, what says how many cables a block takes, when those of one device or gateway do not fit into one.
PortBlocks place_in_blocks(const FabricInput&, int cables_per_block, const char* limit);

}  // namespace orrery
