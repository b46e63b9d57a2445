#include "topologies/fabric/placement.hpp"

namespace orrery {

PortBlocks place_in_blocks(const FabricInput& in, int cables_per_block, const char* limit) {
  PortBlocks placed;
  placed.block_of_node.assign(in.nodes, 0);
  int used = 0;
  std::uint32_t block = 0;
  const auto next_block_unless = [&](int cables) {
    if (used == 0 || used + cables <= cables_per_block) return false;
    ++block;
    used = 0;
    return true;
  };
  for (std::size_t first = 0; first < in.ports.size();) {
    std::size_t last = first;
    int cables = 0;
    while (last < in.ports.size() && in.ports[last].node == in.ports[first].node) cables += in.ports[last++].cables;
    next_block_unless(cables);
    placed.block_of_node[in.ports[first].node] = block;
    for (std::size_t p = first; p < last; ++p) {
      const bool gateway = in.ports[p].node >= in.nodes - in.gateways;
      if (in.ports[p].cables > cables_per_block)
        in.fault(limit,
                 "at least " + std::to_string(in.ports[p].cables) + " ports towards the nodes, for the cables of one " +
                     (gateway ? "gateway of the region" : "device"),
                 std::to_string(cables_per_block));
      if (next_block_unless(in.ports[p].cables)) placed.whole_nodes = false;
      placed.block_of_port.push_back(block);
      placed.slot_of_port.push_back(static_cast<std::uint32_t>(used));
      used += in.ports[p].cables;
    }
    first = last;
  }
  placed.blocks = block + 1;
  return placed;
}

}  // namespace orrery
