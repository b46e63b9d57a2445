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

// Faults when the cables of one device do not fit into a block.
PortBlocks place_in_blocks(const FabricInput&, int cables_per_block);

}  // namespace orrery
