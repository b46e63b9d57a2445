// Laws of idle time: what of it is the pipeline's bubble, and what is waiting for slow devices and links. Measured on whole
// simulated steps, across plans, overlaps and places of the straggler.
#include <catch2/catch.hpp>

#include "tests/support/small_scenario.hpp"

using namespace orrery;
using orrery::testing::plan;
using orrery::testing::run;
using orrery::testing::SmallScenario;
using orrery::testing::with;

namespace {

JobMetrics job_of(const Scenario& scenario) {
  return run_scenario(scenario, "test", Library::installed()).metrics.jobs[0];
}

// Gradients reduced at the end or in buckets beside the backward pass, tensor collectives beside products or not.
const std::vector<std::pair<std::string, Json>> overlaps = {
    {"megatron-lm-2021", Json::object()},
    {"megatron-core", {{"tensor_overlap", false}, {"tensor_overlap_forward", false}}},
    {"megatron-core", {{"tensor_overlap", true}, {"tensor_overlap_forward", true}}}};

SmallScenario overlapped(const Plan& p, const std::pair<std::string, Json>& overlap) {
  SmallScenario s = with(p, "analytic");
  s.nodes = *p.data * p.tensor * p.pipeline / 4;
  s.plan.sequence_parallel = p.tensor > 1;
  s.software = overlap.first;
  s.more_software = overlap.second;
  s.more_software.update({{"host_forward_per_layer", "0 s"}, {"host_backward_per_layer", "0 s"}});
  s.more_model = {{"hidden", 2048}, {"sequence", 2048}};  // enough to compute
  return s;
}

// One without peers in its stage included.
const std::vector<Plan> pipelines = {plan(4, 1, 4), plan(4, 2, 2), plan(2, 2, 4), plan(1, 4, 4), plan(1, 1, 8)};

}  // namespace

// Narayanan et al. 2021, sections 2.2.1 and 2.2.2: (p - 1) / v of the m micro-batches' time, here over all of the pipeline's.
TEST_CASE("equal stages spend the published fraction of the pipeline in the bubble, under every schedule") {
  constexpr std::pair<Schedule, int> schedules[] = {
      {Schedule::gpipe, 1}, {Schedule::one_f_one_b, 1}, {Schedule::interleaved, 2}, {Schedule::interleaved, 4}};
  for (const auto& [schedule, chunks] : schedules) {
    CAPTURE(chunks, schedule);
    SmallScenario s = with(plan(1, 1, 4), "analytic");
    s.plan.schedule = schedule;
    s.plan.virtual_pipeline = chunks;
    s.nodes = 1;
    s.global_batch = 32;  // so many that the optimizer is a small part of the iteration
    s.layers = 16;
    s.more_model = {{"sequence", 16384}};  // work enough that launching messages is a small part of it
    // A model without weight in embedding and head, and messages that cost nothing, leave the schedule alone.
    Scenario scenario = orrery::testing::make(s);
    scenario.jobs[0].model.vocabulary = 128;
    scenario.cluster.pools[0].node.scale_up.link->bandwidth_per_direction *= 1e6;
    const JobMetrics job = run_scenario(scenario, "test", Library::installed()).metrics.jobs[0];
    const double published = 3.0 / (32 * chunks + 3);
    double bubble = 0;
    for (const StageMetrics& stage : job.stages) {
      bubble += stage.bubble_s / job.iteration_s / 4;
      REQUIRE(stage.bubble_s / job.iteration_s == Approx(published).epsilon(0.05));  // fill and drain included
      REQUIRE(stage.other_s < 0.01 * stage.bubble_s);
    }
    REQUIRE(bubble == Approx(published).epsilon(0.05));
  }
}

TEST_CASE("without a pipeline there is no bubble, and a straggler makes the others wait") {
  SmallScenario s = with(plan(16, 1, 1));
  s.more_software = {{"host_forward_per_layer", "0 s"}, {"host_backward_per_layer", "0 s"}};
  const JobMetrics even = run(s).metrics.jobs[0];
  s.slow_devices = {5};
  const JobMetrics uneven = run(s).metrics.jobs[0];
  REQUIRE(even.bubble_s == 0);
  REQUIRE(uneven.bubble_s == 0);
  REQUIRE(even.waiting_s < 1e-3 * even.iteration_s);
  REQUIRE(uneven.waiting_s == Approx(15.0 / 16 * (uneven.iteration_s - even.iteration_s)).epsilon(0.02));
}

TEST_CASE("what a straggler in a pipeline adds to the iteration is waiting on every stage, not bubble") {
  SmallScenario s = with(plan(1, 4, 4));
  s.more_software = {{"host_forward_per_layer", "0 s"}, {"host_backward_per_layer", "0 s"}};
  const JobMetrics even = run(s).metrics.jobs[0];
  s.slow_devices = {5};  // of stage 1
  const JobMetrics uneven = run(s).metrics.jobs[0];
  const double longer = uneven.iteration_s - even.iteration_s;
  REQUIRE(longer > 0.05 * even.iteration_s);
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    REQUIRE(even.stages[i].waiting_s < 1e-9);
    REQUIRE(uneven.stages[i].waiting_s > 0.6 * longer);
    REQUIRE(uneven.stages[i].bubble_s - even.stages[i].bubble_s < 0.3 * longer);
  }
}

TEST_CASE("what a straggler adds to a pipeline is waiting, on whatever stage it is, under every plan and overlap") {
  for (const auto& overlap : overlaps)
    for (const Plan& p : pipelines) {
      SmallScenario s = overlapped(p, overlap);
      const JobMetrics even = run(s).metrics.jobs[0];
      REQUIRE(even.waiting_s < 1e-6 * even.iteration_s);
      for (int slow_stage = 0; slow_stage < p.pipeline; ++slow_stage)
        for (const double factor : {0.25, 0.5}) {
          s.slow_devices = {slow_stage * *p.data * p.tensor};
          Scenario scenario = orrery::testing::make(s);
          scenario.cluster.pools[0].slow_factor = factor;
          const JobMetrics slowed = run_scenario(scenario, "test", Library::installed()).metrics.jobs[0];
          const double longer = slowed.iteration_s - even.iteration_s;
          REQUIRE(longer > 0);
          const double noise = 2e-3 *
                               even.iteration_s;  // what computing beside transfers slows, and where, changes a little
          for (int stage = 0; stage < p.pipeline; ++stage) {
            const StageMetrics &before = even.stages[static_cast<std::size_t>(stage)],
                               &after = slowed.stages[static_cast<std::size_t>(stage)];
            const double bubble = after.bubble_s - before.bubble_s,
                         exposed = after.exposed_communication_s - before.exposed_communication_s;
            CAPTURE(overlap.first, overlap.second.dump(), *p.data, p.tensor, p.pipeline, slow_stage, factor, stage,
                    longer, exposed);
            CHECK(bubble < 0.05 * longer + noise);
            if (stage == slow_stage) continue;  // the straggler computes where it had been idle
            CHECK(bubble > -0.05 * longer - noise);
            CHECK(after.waiting_s > 0.6 * longer - noise);
            CHECK(after.waiting_s + exposed > 0.9 * longer - noise);  // a message that is late is one on its way
          }
        }
    }
}

TEST_CASE("what a slow NIC adds to a pipeline is waiting and communication, not bubble") {
  for (const auto& overlap : overlaps)
    for (const Plan& p : pipelines) {
      const SmallScenario s = overlapped(p, overlap);
      const JobMetrics even = run(s).metrics.jobs[0];
      for (const int nic : {0, 5, 7}) {
        Scenario scenario = orrery::testing::make(s);
        DegradedSpec slow;
        slow.at = "nic " + std::to_string(nic);
        slow.rate = 0.02;
        scenario.cluster.degraded = {slow};
        const JobMetrics slowed = run_scenario(scenario, "test", Library::installed()).metrics.jobs[0];
        const double longer = slowed.iteration_s - even.iteration_s, bubble = slowed.bubble_s - even.bubble_s,
                     exposed = slowed.exposed_communication_s - even.exposed_communication_s;
        CAPTURE(overlap.first, overlap.second.dump(), *p.data, p.tensor, p.pipeline, nic, longer, exposed);
        CHECK(std::abs(bubble) < 0.1 * longer + 1e-9);
        CHECK(slowed.waiting_s + exposed > 0.9 * longer - 1e-9);
      }
    }
}

TEST_CASE("devices that are all equally slow are nobody's stragglers") {
  for (const auto& overlap : overlaps)
    for (const Plan& p : pipelines) {
      SmallScenario s = overlapped(p, overlap);
      for (int d = 0; d < *p.data * p.tensor * p.pipeline; ++d) s.slow_devices.push_back(d);
      const JobMetrics job = run(s).metrics.jobs[0];
      CAPTURE(overlap.first, *p.data, p.tensor, p.pipeline);
      CHECK(job.waiting_s < 1e-6 * job.iteration_s);
      CHECK(job.bubble_s > 0.1 * job.iteration_s);
    }
}

TEST_CASE("one pool written as two splits idle time the same way") {
  for (const bool slow : {false, true}) {
    SmallScenario s = overlapped(plan(4, 1, 4), overlaps.front());
    if (slow) s.slow_devices = {1};
    Scenario one = orrery::testing::make(s), two = one;
    two.cluster.pools.push_back(one.cluster.pools[0]);
    two.cluster.pools[0].count = 1;
    two.cluster.pools[1].count = one.cluster.pools[0].count - 1;
    two.cluster.pools[1].slow_devices.clear();
    const JobMetrics a = job_of(one), b = job_of(two);
    CAPTURE(slow);
    CHECK((a.waiting_s > 0) == slow);
    CHECK(b.waiting_s == Approx(a.waiting_s).epsilon(1e-9).margin(1e-12));
    CHECK(b.bubble_s == Approx(a.bubble_s).epsilon(1e-9));
  }
}

TEST_CASE("what the slower of two kinds of device adds is waiting, whichever of them comes first in a stage") {
  Scenario last = orrery::testing::make(with(plan(2, 4, 2)));  // stage 1 on the nodes 2 and 3
  std::vector<PoolSpec>& pools = last.cluster.pools;
  const PoolSpec fast = pools[0];
  PoolSpec slow = fast;
  slow.node.device = load_part<DeviceModel>("hardware/accelerators", "nvidia-v100-sxm2-32gb", Library::installed());
  const auto counted = [](PoolSpec pool, int nodes) {
    pool.count = nodes;
    return pool;
  };
  Scenario first = last;
  last.cluster.pools = {counted(slow, 3), counted(fast, 1)};
  first.cluster.pools = {counted(slow, 2), counted(fast, 1), counted(slow, 1)};
  const JobMetrics a = job_of(last), b = job_of(first);
  CHECK(a.waiting_s > 0.02 * a.iteration_s);
  CHECK(b.iteration_s == Approx(a.iteration_s).epsilon(1e-9));
  CHECK(b.waiting_s == Approx(a.waiting_s).epsilon(1e-6));
  CHECK(b.bubble_s == Approx(a.bubble_s).epsilon(1e-6));
}
