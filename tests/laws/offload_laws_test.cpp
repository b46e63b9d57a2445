// Laws of offloading to host memory: what leaves the device, and what it costs.
#include <catch2/catch.hpp>

#include "tests/support/same_metrics.hpp"
#include "tests/support/small_scenario.hpp"
#include "tests/topologies/pooled.hpp"

using namespace orrery;
using orrery::testing::SmallScenario;

namespace {

Scenario offloading(double activations, bool optimizer, double link_factor = 1) {
  SmallScenario s;
  s.plan.data = 16;
  s.plan.offload = {activations, optimizer};
  Scenario scenario = orrery::testing::make(s);
  *scenario.cluster.pools[0].node.device.host_link->bandwidth_per_direction *= link_factor;
  return scenario;
}

JobMetrics job(const Scenario& s) { return run_scenario(s, "test", Library::installed()).metrics.jobs[0]; }

double peak(const JobMetrics& m, MemoryCategory category) {
  return m.stages[0].memory_peak_by_category_bytes.at(static_cast<std::size_t>(category));
}

}  // namespace

TEST_CASE("activations in host memory leave room on the device, and over a fast link they cost no time") {
  const JobMetrics kept = job(offloading(0, false)), half = job(offloading(0.5, false, 1e6)),
                   all = job(offloading(1, false, 1e6));
  REQUIRE(half.iteration_s == Approx(kept.iteration_s).epsilon(1e-3));
  REQUIRE(all.iteration_s == Approx(kept.iteration_s).epsilon(1e-3));
  REQUIRE(all.memory_peak_bytes < half.memory_peak_bytes);
  REQUIRE(half.memory_peak_bytes < kept.memory_peak_bytes);
}

TEST_CASE("a slow host link holds back a pass by what the link carries") {
  const double slow = job(offloading(1, false, 1e-3)).iteration_s,
               slower = job(offloading(1, false, 0.5e-3)).iteration_s;
  REQUIRE(slower == Approx(2 * slow).epsilon(0.1));
}

TEST_CASE("an optimizer on the host keeps its states there and steps at the rate of the host's processors") {
  Scenario on_host = offloading(0, true, 1e9);
  const JobMetrics device = job(offloading(0, false)), host = job(on_host);
  REQUIRE(peak(host, MemoryCategory::optimizer) == 0);
  REQUIRE(peak(device, MemoryCategory::optimizer) > 0);
  const double four_devices = 4 * parameters(on_host.jobs[0].model) / on_host.jobs[0].software.host_adam_rate;
  on_host.jobs[0].software.host_adam_rate *= 1e9;
  REQUIRE(host.iteration_s - job(on_host).iteration_s == Approx(four_devices).epsilon(0.05));
}

TEST_CASE("a job that has a node for itself has all the processors of its host, however few devices it uses there") {
  const auto update = [](int devices) {
    Scenario s = offloading(0, true, 1e9);
    s.jobs[0].placement = Placement{0, devices};
    s.jobs[0].plan.data = devices;
    s.jobs[0].batch.global = 12;
    const double with = job(s).iteration_s;
    s.jobs[0].software.host_adam_rate *= 1e9;
    return with - job(s).iteration_s;
  };
  const Scenario s = offloading(0, true);
  const double one = parameters(s.jobs[0].model) / s.jobs[0].software.host_adam_rate;
  CHECK(update(1) == Approx(one).epsilon(0.05));
  CHECK(update(3) == Approx(3 * one).epsilon(0.05));
  CHECK(update(4) == Approx(4 * one).epsilon(0.05));
}

TEST_CASE("ranks that share their host with unlike numbers of others are not folded together") {
  Scenario s = offloading(0, true, 1e9);
  s.jobs[0].placement = Placement{0, 6};  // four on one host, two on another
  s.jobs[0].plan.data = 6;
  s.jobs[0].batch.global = 36;
  const Metrics folded = run_scenario(s, "test", Library::installed()).metrics;
  s.simulate.fold = false;
  orrery::testing::require_equal(folded, run_scenario(s, "test", Library::installed()).metrics);
}

namespace {

// The nodes of a small scenario with one pool of memory behind every two, narrower than what the devices' links bring.
Scenario pooled(double activations, bool optimizer, double link_rate, int expanders, bool fold = true) {
  Scenario scenario = offloading(activations, optimizer, 1e6);
  scenario.jobs[0].plan.offload.to = OffloadTarget::pool;
  scenario.simulate.fold = fold;
  MemoryPoolSpec pool = orrery::testing::memory_of_two_nodes(orrery::testing::link("cxl", link_rate, 0), expanders,
                                                             1e12);
  pool.links_per_node = 4;
  scenario.cluster.memory_pools = {pool};
  return scenario;
}

}  // namespace

TEST_CASE(
    "activations in a pool cost no time where nothing is narrow, and as much as its shared expanders carry else") {
  const double kept = job(offloading(0, false)).iteration_s;
  CHECK(job(pooled(1, false, 1e15, 8)).iteration_s == Approx(kept).epsilon(1e-3));
  const double one = job(pooled(1, false, 2e7, 1)).iteration_s, two = job(pooled(1, false, 2e7, 2)).iteration_s;
  CHECK(one == Approx(2 * two).epsilon(0.1));
}

TEST_CASE("optimizer states cross from the pool to the host and back: 12 bytes a parameter over what the nodes share") {
  Scenario slow = pooled(0, true, 1e9, 1), fast = pooled(0, true, 1e15, 1);
  for (Scenario* s : {&slow, &fast}) s->jobs[0].software.host_adam_rate *= 1e9;
  // Eight devices of two nodes, each with all parameters, meet at one expander of 1 GB/s.
  const double expected = 8 * 12.0 * parameters(slow.jobs[0].model) / 1e9;
  CHECK(job(slow).iteration_s - job(fast).iteration_s == Approx(expected).epsilon(0.02));
}

TEST_CASE("what goes to a memory pool is the same folded and unfolded") {
  CHECK(job(pooled(1, true, 1e8, 2, true)).iteration_s ==
        Approx(job(pooled(1, true, 1e8, 2, false)).iteration_s).epsilon(1e-6));
}

namespace {

// Of eight devices, each with all parameters; `parameters` leaves out the norm before the head.
double states_of_eight(const Scenario& scenario) {
  const TransformerModel& model = scenario.jobs[0].model;
  return 8 * 12.0 * (parameters(model) + 2.0 * model.hidden);
}

}  // namespace

TEST_CASE("a pool holds the optimizer states of all its devices, and activations in proportion to what leaves") {
  const auto held = [](double activations, bool optimizer) {
    const JobMetrics m = job(pooled(activations, optimizer, 1e15, 8));
    REQUIRE(m.memory_pools);
    CHECK(m.memory_pools->pools == 2);
    CHECK(m.memory_pools->too_small == 0);
    return m.memory_pools->peak_bytes;
  };
  const double states = states_of_eight(offloading(0, true));  // of two nodes
  CHECK(held(0, true) == Approx(states));
  const double all = held(1, false);
  CHECK(all > 0);
  CHECK(held(0.5, false) == Approx(all / 2));
  CHECK(held(1, true) == Approx(states + all));
  CHECK_FALSE(job(offloading(1, true)).memory_pools);  // the host's own memory is no pool
}

TEST_CASE("pools that are too small for what all their nodes put there make the job infeasible, by the missing bytes") {
  Scenario scenario = pooled(0, true, 1e15, 4);
  const double states = states_of_eight(scenario);
  scenario.cluster.memory_pools[0].capacity = Bytes(states / 4 + 1);  // of one of four expanders
  CHECK(job(scenario).feasible);
  scenario.cluster.memory_pools[0].capacity = Bytes(states / 4 - 1000);
  const JobMetrics m = job(scenario);
  CHECK_FALSE(m.feasible);
  CHECK(m.memory_pools->too_small == 2);
  CHECK(m.shortfall_bytes == Approx(4000));
}

TEST_CASE("two jobs that share a pool fill it together") {
  Scenario scenario = pooled(0, true, 1e15, 4);
  JobSpec second = scenario.jobs[0];
  second.name = "other";
  for (JobSpec* spec : {&scenario.jobs[0], &second}) {
    spec->plan.data = 8;
    spec->batch.global /= 2;
  }
  scenario.jobs[0].placement = Placement{0, 8};
  second.placement = Placement{8, 8};
  scenario.jobs.push_back(second);
  scenario.cluster.memory_pools[0].nodes = 4;  // both halves of the machine behind one
  const auto metrics = run_scenario(scenario, "test", Library::installed()).metrics;
  for (const JobMetrics& m : metrics.jobs) CHECK(m.memory_pools->peak_bytes == Approx(2 * states_of_eight(scenario)));
}
