#include "models/parallelism/pipeline_schedule.hpp"

#include <algorithm>

namespace orrery {

namespace {

// The k-th forward (or backward, with chunks reversed) of the interleaved order: groups of `stages` micro-batches pass
// through chunk 0, then chunk 1, ...
PipelinePass interleaved_pass(bool forward, int k, int stages, int chunks) {
  const int group = k / (stages * chunks), inside = k % (stages * chunks);
  const int chunk = inside / stages;
  return {forward, forward ? chunk : chunks - 1 - chunk, group * stages + inside % stages};
}

}  // namespace

std::vector<PipelinePass> pipeline_schedule(Schedule schedule, int stages, int stage, int chunks, int micro_batches) {
  const int total = micro_batches * chunks;
  auto pass = [&](bool forward, int k) {
    return schedule == Schedule::interleaved ? interleaved_pass(forward, k, stages, chunks)
                                             : PipelinePass{forward, 0, k};
  };
  int warm_up = total;  // gpipe
  if (schedule == Schedule::one_f_one_b) warm_up = std::min(total, stages - 1 - stage);
  if (schedule == Schedule::interleaved)
    warm_up = micro_batches == stages ? total : std::min(total, 2 * (stages - 1 - stage) + (chunks - 1) * stages);
  std::vector<PipelinePass> order;
  order.reserve(static_cast<std::size_t>(2 * total));
  int forward = 0, backward = 0;
  for (; forward < warm_up; ++forward) order.push_back(pass(true, forward));
  while (forward < total) {
    order.push_back(pass(true, forward++));
    order.push_back(pass(false, backward++));
  }
  while (backward < total) order.push_back(pass(false, backward++));
  return order;
}

}  // namespace orrery
