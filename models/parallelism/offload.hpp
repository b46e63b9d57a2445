// Offload to host memory over each device's own host link (PCIe, C2C), at its data-sheet rate.
//   activations  what the first layers of a stage save is copied out behind the forward pass and back one layer ahead of
//                its backward pass, the first of them from the beginning of the stage's; the pass waits when more than two layers are still to be copied out (double buffering,
//                as in Transformer Engine's cpu_offload)
//   optimizer    gradients go to the host, whose processors run Adam, and the updated weights come back (ZeRO-Offload, Ren
//                et al. 2021, arXiv:2101.06840; its table of CPU-Adam has 4 billion parameters in 1.0 s, from memory),
//                after the backward pass and without overlap
// Devices of a job on one host share its processors but not their links (jobs are taken to update at different times); traffic
// on device memory is not slowed. To a memory pool (CXL): activations cross the fabric to the pool's expanders, optimizer
// states (Adam: 12 bytes a parameter) go from there to the host and back while it runs Adam. There everybody meets who shares a
// link of a host or of an expander.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "models/parallelism/pipeline_schedule.hpp"
#include "models/parallelism/step_context.hpp"

namespace orrery {

class ActivationOffload {
 public:
  ActivationOffload(StepLowering&, int stage, const std::vector<PipelinePass>& passes);
  void issue(const Unit&, const PipelinePass&);  // copies back that may begin before this unit
  void await(const Unit&, const PipelinePass&);  // what it needs itself
  void after_forward(const Unit&, const PipelinePass&);
  bool leaves(const Unit&) const;  // the activations of this unit are kept by the host

 private:
  struct Use {
    const Unit* unit;
    int micro_batch;
  };
  void fetch(std::size_t use);
  std::vector<Seconds> times(double bytes) const;
  Emitter::OpOfClass copy(double bytes, bool out, Label, MemoryDelta);

  StepLowering& lowering_;
  std::vector<Use> returns_;  // in the order of the backward passes
  std::vector<Emitter::OpOfClass> returned_;
  std::size_t next_ = 0, issued_ = 0;
  std::vector<Emitter::OpOfClass> leaving_;                         // copies out that may still run
  std::map<std::pair<const Unit*, int>, Emitter::OpOfClass> left_;  // of a micro-batch, not yet on the way back
};

// Instead of the device's optimizer step: `parameters` owned by each device of the current stage.
void emit_host_optimizer(StepLowering&, double parameters);

}  // namespace orrery
