// Which NICs share a block of switch ports (a leaf, a router, a group of routers): whole nodes where they fit, in node order,
// otherwise NIC by NIC. A group's routers are filled one after the other; all cables of a NIC go to one of them.
#pragma once

#include "topologies/wiring.hpp"

namespace orrery {

struct PortBlocks {
  std::vector<std::uint32_t> block_of_port;
  std::vector<std::uint32_t> switch_of_port;  // of the block's
  std::vector<std::uint32_t> block_of_node;
  std::uint32_t blocks = 0;
  bool whole_nodes = true;  // no node is spread over several blocks
};

// Faults at `limit`, what says how many cables a switch takes, when those of one device or gateway do not fit on one.
void expect_to_fit(const FabricInput&, const FabricPort&, int cables_per_switch, const char* limit);
PortBlocks place_in_blocks(const FabricInput&, int cables_per_switch, const char* limit, int switches_per_block = 1);

}  // namespace orrery
