// ZeRO-3 / FSDP (Rajbhandari et al. 2020; Zhao et al. 2023): parameters are gathered unit by unit just before use, one
// unit ahead of the computation (the rate limiter keeps two gathered units), and gathered again for the backward pass.
// The same mechanism serves ZeRO-1/2 with an overlapped parameter gather, in the first forward of each chunk only; its
// buffers exist anyway, so all gathers are queued at once.
#pragma once

#include <cstddef>

#include "models/parallelism/pipeline_schedule.hpp"
#include "models/parallelism/step_context.hpp"

namespace orrery {

class ParameterGather {
 public:
  // For one stage: all its passes are known ahead, so that the gather of the next unit can be issued one unit early.
  ParameterGather(StepLowering&, int stage, const std::vector<PipelinePass>& passes);
  // Before a unit is computed: starts its gather, if that has not begun, and that of the unit that follows.
  void issue();
  void await();  // the parameters of the unit

 private:
  struct Use {
    const Unit* unit;
    bool gathered;  // needs a gather
    Label label;
  };
  void gather(std::size_t use);
  StepLowering& lowering_;
  std::vector<Use> uses_;
  std::size_t next_ = 0;    // the unit about to be computed
  std::size_t issued_ = 0;  // gathers are issued up to here
  std::size_t ahead_ = 2;   // units whose parameters are gathered or being gathered
  std::vector<Emitter::OpOfClass> ops_;
};

// Units of a chunk in the order of a pass.
std::vector<const Unit*> units_of_pass(const StepLowering&, int stage, const PipelinePass&);

}  // namespace orrery
