// Laws of loading bitstreams: what a plan that changes phase costs on FPGAs that hold one phase at a time.
#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "tests/support/small_scenario.hpp"

using namespace orrery;
using orrery::testing::SmallScenario;

namespace {

constexpr double load_s = 0.25;
constexpr const char* loads = "transfer (copy)";

// 16 FPGAs, as fast as the A100s of the small scenario: pure data parallelism, or a pipeline of four.
Scenario small(bool per_phase, int pipeline, std::int64_t micro_batch, bool fold = true) {
  SmallScenario s;
  s.plan.pipeline = pipeline;
  s.plan.data = 16 / pipeline;
  s.micro_batch = micro_batch;
  s.fold = fold;
  Scenario scenario = orrery::testing::make(s);
  scenario.cluster.pools[0].node.device.family = DeviceFamily::fpga;
  if (per_phase) scenario.jobs[0].software.bitstream_load = Seconds(load_s);
  return scenario;
}

JobMetrics job(const Scenario& s) { return run_scenario(s, "test", Library::installed()).metrics.jobs[0]; }

}  // namespace

TEST_CASE("every change between forward, backward and optimizer loads a bitstream, once per micro-batch and way") {
  for (const std::int64_t micro_batches : {1, 2}) {
    const std::int64_t micro_batch = 32 / 16 / micro_batches;
    const JobMetrics one = job(small(false, 1, micro_batch)), many = job(small(true, 1, micro_batch));
    const double all = static_cast<double>(2 * micro_batches + 1) * load_s;
    CHECK(many.iteration_s - one.iteration_s == Approx(all).epsilon(1e-6));
    CHECK(many.mean.exposed_by_collective_s.at(loads) == Approx(all).epsilon(1e-9));
    CHECK(one.mean.exposed_by_collective_s.count(loads) == 0);
    CHECK(many.compute_s == Approx(one.compute_s).epsilon(1e-9));
  }
}

TEST_CASE("the band of an iteration leaves out what loads of bitstreams take, which the software says") {
  const JobMetrics one = job(small(false, 1, 1)), many = job(small(true, 1, 1));
  const double low = one.iteration_s_low.value(), high = one.iteration_s_high.value();
  CHECK(many.iteration_s - many.iteration_s_low.value() == Approx(one.iteration_s - low).epsilon(1e-6));
  CHECK(many.iteration_s_high.value() - many.iteration_s == Approx(high - one.iteration_s).epsilon(1e-6));
}

TEST_CASE("stages of a pipeline load bitstreams of their own, folded or not") {
  const JobMetrics folded = job(small(true, 4, 1)), unfolded = job(small(true, 4, 1, false));
  CHECK(folded.iteration_s == Approx(unfolded.iteration_s).epsilon(1e-6));
  const double first = folded.stages.front().communication_by_collective_s.at(loads),
               last = folded.stages.back().communication_by_collective_s.at(loads);
  // Eight micro-batches, one forward, one backward: the last stage changes with every pass, the first one keeps its forward
  // bitstream through the fill of the pipeline and its backward one through the drain.
  CHECK(last == Approx((2 * 8 + 1) * load_s));
  CHECK(first == Approx((2 * (8 - 3) + 1) * load_s));
}

TEST_CASE("only FPGAs load bitstreams") {
  Scenario scenario = small(true, 1, 1);
  scenario.cluster.pools[0].node.device.family = DeviceFamily::gpu;
  CHECK_THROWS_AS(job(scenario), SpecError);
}
