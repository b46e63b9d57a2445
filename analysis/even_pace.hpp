// The measured iterations as they would have gone had no device or link been slow: what a pipeline's schedule alone leaves
// idle. Every record is played again. A Compute takes what its device needs at the fastest clock of the job's devices, and no
// longer than the quickest device of its stage would need at the same place in its queue (where it does the same work); a
// Transfer what its pattern needs on links that are whole. Each starts when what it waited for has ended in the replay: its
// dependencies, its queues, the Call it belongs to, the end of the iteration before; what else delayed it (a circuit, a timer)
// delays it as long. So a replay in which nothing is quicker repeats the timeline. Assumed: the order in every queue is that of
// the Program, and transfers that share links share them as they did. What two streams take from each other stays as it was.
// Works only for jobs of several stages; there is nothing to tell apart in others.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/job_view.hpp"
#include "analysis/kernel_profile.hpp"
#include "analysis/record_index.hpp"

namespace orrery {

class EvenPace {
 public:
  EvenPace(const JobView&, const Cluster&, KernelProfiles&, RecordIndex&);
  bool differs() const { return !times_.empty(); }  // from what was recorded
  // Of the window in the replay: how long `device` (position in JobView::devices()) neither computes nor communicates.
  double idle_s(std::size_t device) const;

 private:
  struct Span {
    double start = 0, end = 0;
  };
  const JobView& view_;
  std::vector<Span> times_;  // by record
  double window_end_s_ = 0;
};

}  // namespace orrery
