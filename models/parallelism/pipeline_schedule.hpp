// In which order a pipeline stage runs the forward and backward passes of its micro-batches.
//   gpipe        all forwards, then all backwards (Huang et al. 2019)
//   1f1b         warm-up of (stages - 1 - stage) forwards, then one forward one backward (Narayanan et al. 2019, 2021)
//   interleaved  the same over `chunks` model chunks per stage (Narayanan et al. 2021, section 2.2), micro-batches in
//                groups of `stages`
// With equal stages the bubble is (p-1)/m of the ideal time for gpipe and 1f1b, (p-1)/(v m) interleaved.
#pragma once

#include <vector>

#include "models/parallelism/plan.hpp"

namespace orrery {

struct PipelinePass {
  bool forward = true;
  int chunk = 0;  // of this stage
  int micro_batch = 0;
  friend bool operator==(const PipelinePass&, const PipelinePass&) = default;
};

std::vector<PipelinePass> pipeline_schedule(Schedule, int stages, int stage, int chunks, int micro_batches);

}  // namespace orrery
