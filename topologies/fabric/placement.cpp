#include "topologies/fabric/placement.hpp"

namespace orrery {

void expect_to_fit(const FabricInput& in, const FabricPort& port, int cables_per_block, const char* limit) {
  if (port.cables <= cables_per_block) return;
  const bool gateway = port.node >= in.nodes - in.gateways;
  in.fault(limit,
           "at least " + std::to_string(port.cables) + " ports towards the nodes, for the cables of one " +
               (gateway ? "gateway of the region" : "device"),
           std::to_string(cables_per_block));
}

namespace {

class Block {  // its switches, as they fill
 public:
  Block(int switches, int cables_each) : switches_(switches), cables_each_(cables_each) {}
  bool empty() const { return at_ == 0 && used_ == 0; }
  std::uint32_t last_switch() const { return static_cast<std::uint32_t>(at_); }
  // False when it has no room for them.
  bool take(int cables) {
    if (used_ + cables > cables_each_) {
      if (at_ + 1 == switches_) return false;
      ++at_;
      used_ = 0;
    }
    used_ += cables;
    return true;
  }

 private:
  int switches_, cables_each_, at_ = 0, used_ = 0;
};

}  // namespace

PortBlocks place_in_blocks(const FabricInput& in, int cables_per_switch, const char* limit, int switches_per_block) {
  const Block fresh(switches_per_block, cables_per_switch);
  PortBlocks placed;
  placed.block_of_node.assign(in.nodes, 0);
  Block block = fresh;
  std::uint32_t number = 0;
  const auto next_block = [&] {
    block = fresh;
    ++number;
  };
  for (std::size_t first = 0; first < in.ports.size();) {
    std::size_t last = first;
    Block tried = block;
    bool fits = true;
    for (; last < in.ports.size() && in.ports[last].node == in.ports[first].node; ++last) {
      expect_to_fit(in, in.ports[last], cables_per_switch, limit);
      fits = fits && tried.take(in.ports[last].cables);
    }
    if (!fits && !block.empty()) next_block();
    placed.block_of_node[in.ports[first].node] = number;
    for (std::size_t p = first; p < last; ++p) {
      if (!block.take(in.ports[p].cables)) {
        next_block();
        block.take(in.ports[p].cables);
        placed.whole_nodes = false;
      }
      placed.block_of_port.push_back(number);
      placed.switch_of_port.push_back(block.last_switch());
    }
    first = last;
  }
  placed.blocks = number + 1;
  return placed;
}

}  // namespace orrery
