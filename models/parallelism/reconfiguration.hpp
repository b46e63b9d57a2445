// FPGAs whose kernels do not all fit in one bitstream: where a plan goes from one phase to another, the device loads the
// bitstream of that phase and computes nothing meanwhile, for the `bitstream_load` of the job's software. It computes again
// when all of it is loaded (no partial regions that are exchanged behind a running kernel, no prefetch); a device that does
// not change phase keeps what it has, across iterations, too: an iteration starts with the optimizer's bitstream.
// What is sent and received goes on: the network interface is part of the static shell. The load is a transfer from the host.
#pragma once

#include <vector>

#include "models/parallelism/step_context.hpp"

namespace orrery {

enum class Bitstream { forward, backward, optimizer };

class BitstreamLoads {
 public:
  explicit BitstreamLoads(StepLowering&);
  // What the devices of `stage`, which is being written, compute from now on needs `wanted`.
  void load(int stage, Bitstream wanted, std::int32_t micro_batch);

 private:
  StepLowering& lowering_;
  std::vector<Bitstream> loaded_;  // by stage
};

}  // namespace orrery
