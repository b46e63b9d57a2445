#include "models/parallelism/pipeline_schedule.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <catch2/catch.hpp>

using namespace orrery;

namespace {

using Order = std::vector<std::vector<PipelinePass>>;  // by stage

Order schedule_of(Schedule s, int stages, int chunks, int micro_batches) {
  Order order;
  for (int p = 0; p < stages; ++p) order.push_back(pipeline_schedule(s, stages, p, chunks, micro_batches));
  return order;
}

// Runs the schedule with forward time 1 and backward time 2 per chunk and free messages; returns the makespan, or -1 when
// the stages wait for each other forever.
double makespan(const Order& order, int chunks) {
  const int stages = static_cast<int>(order.size()), last = stages * chunks - 1;
  std::map<std::tuple<bool, int, int>, double> done;  // (forward, chunk number, micro-batch) -> end
  std::vector<std::size_t> next(order.size(), 0);
  std::vector<double> clock(order.size(), 0);
  for (bool progress = true; progress;) {
    progress = false;
    for (int p = 0; p < stages; ++p) {
      const auto stage = static_cast<std::size_t>(p);
      while (next[stage] < order[stage].size()) {
        const PipelinePass pass = order[stage][next[stage]];
        const int chunk = pass.chunk * stages + p;
        double ready = 0;
        const auto need = [&](bool forward, int c) {
          const auto it = done.find({forward, c, pass.micro_batch});
          if (it == done.end()) return false;
          ready = std::max(ready, it->second);
          return true;
        };
        const bool ok = pass.forward    ? chunk == 0 || need(true, chunk - 1)
                        : chunk == last ? need(true, chunk)
                                        : need(false, chunk + 1);
        if (!ok) break;
        clock[stage] = std::max(clock[stage], ready) + (pass.forward ? 1 : 2);
        done[{pass.forward, chunk, pass.micro_batch}] = clock[stage];
        ++next[stage];
        progress = true;
      }
    }
  }
  for (int p = 0; p < stages; ++p)
    if (next[static_cast<std::size_t>(p)] != order[static_cast<std::size_t>(p)].size()) return -1;
  return *std::max_element(clock.begin(), clock.end());
}

struct Case {
  Schedule schedule;
  int stages, chunks, micro_batches;
};
const std::vector<Case> cases = {
    {Schedule::gpipe, 4, 1, 8},        {Schedule::one_f_one_b, 4, 1, 8}, {Schedule::one_f_one_b, 8, 1, 8},
    {Schedule::one_f_one_b, 16, 1, 3}, {Schedule::interleaved, 4, 2, 8}, {Schedule::interleaved, 8, 3, 64},
    {Schedule::interleaved, 4, 4, 4},  {Schedule::one_f_one_b, 1, 1, 5}, {Schedule::interleaved, 2, 6, 10}};

}  // namespace

TEST_CASE("every micro-batch passes forward and backward through every chunk exactly once, forward first") {
  for (const Case& c : cases)
    for (const auto& stage : schedule_of(c.schedule, c.stages, c.chunks, c.micro_batches)) {
      std::set<std::pair<int, int>> forward, backward;
      for (const PipelinePass& pass : stage) {
        const std::pair<int, int> key{pass.chunk, pass.micro_batch};
        if (!pass.forward) REQUIRE(forward.count(key) == 1);
        REQUIRE((pass.forward ? forward : backward).insert(key).second);
      }
      REQUIRE(forward.size() == static_cast<std::size_t>(c.chunks * c.micro_batches));
      REQUIRE(backward == forward);
    }
}

TEST_CASE("no schedule makes stages wait for each other forever") {
  for (const Case& c : cases)
    REQUIRE(makespan(schedule_of(c.schedule, c.stages, c.chunks, c.micro_batches), c.chunks) > 0);
}

TEST_CASE("equal stages give the published bubble fraction") {
  for (const Case& c : cases) {
    if (c.schedule != Schedule::gpipe && c.micro_batches < c.stages) continue;
    const double ideal = 3.0 * c.chunks * c.micro_batches;
    const double bubble = (c.stages - 1.0) / (c.chunks * c.micro_batches);
    CAPTURE(static_cast<int>(c.schedule), c.stages, c.chunks, c.micro_batches);
    REQUIRE(makespan(schedule_of(c.schedule, c.stages, c.chunks, c.micro_batches), c.chunks) ==
            Approx(ideal * (1 + bubble)));
  }
}

TEST_CASE("1f1b holds at most stages - stage micro-batches in flight, gpipe all of them") {
  const auto peak = [](const std::vector<PipelinePass>& stage) {
    int in_flight = 0, most = 0;
    for (const PipelinePass& pass : stage) most = std::max(most, in_flight += pass.forward ? 1 : -1);
    return most;
  };
  for (int p = 0; p < 4; ++p) {
    REQUIRE(peak(pipeline_schedule(Schedule::one_f_one_b, 4, p, 1, 16)) == 4 - p);
    REQUIRE(peak(pipeline_schedule(Schedule::gpipe, 4, p, 1, 16)) == 16);
  }
}
