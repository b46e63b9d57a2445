// What joins the nodes draws its power as long as a job runs, whatever crosses it.
#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "tests/support/small_scenario.hpp"

using namespace orrery;
using Catch::Matchers::Contains;
using orrery::testing::make;
using orrery::testing::SmallScenario;

namespace {

ScenarioRun run_of(const Scenario& scenario) { return run_scenario(scenario, "test", Library::installed()); }

// All warnings that say that energy is a lower bound.
std::string missing(const Scenario& scenario) {
  std::string all;
  for (const std::string& warning : run_of(scenario).warnings)
    if (warning.find("energy is a lower bound") != std::string::npos) all += warning + "\n";
  return all;
}

}  // namespace

TEST_CASE("a job on all devices draws what all parts of the network draw, folded and unfolded, analytic and flow") {
  SmallScenario small;
  small.plan.data = 16;
  for (const char* fidelity : {"flow", "analytic"})
    for (const bool fold : {true, false}) {
      small.fidelity = fidelity;
      small.fold = fold;
      const ScenarioRun run = run_of(make(small));
      const JobMetrics& job = run.metrics.jobs[0];
      const double watts = 253 + 16 * 21 + 16 * 9;  // a switch, NICs (no host power is stated), cables
      CHECK(job.energy.network_J == Approx(watts * job.iteration_s));
      CHECK(job.energy_J == Approx(job.energy.total()));
      CHECK(job.average_power_W == Approx(job.energy_J / job.iteration_s));
    }
}

TEST_CASE("NICs are counted once: with the host where its power is stated") {
  SmallScenario small;
  small.plan.data = 16;
  Scenario scenario = make(small);
  scenario.cluster.pools[0].node.host_power = Watts(1000);
  const ScenarioRun run = run_of(scenario);
  CHECK(run.metrics.jobs[0].energy.network_J == Approx((253 + 16 * 9) * run.metrics.jobs[0].iteration_s));
  CHECK(run.metrics.jobs[0].energy.host_J == Approx(4 * 1000 * run.metrics.jobs[0].iteration_s));
}

TEST_CASE(
    "a part without a power is named, unless its host has it, and links that parts drive need no energy per bit") {
  SmallScenario small;
  small.plan.data = 16;
  Scenario scenario = make(small);
  CHECK_THAT(missing(scenario), !Contains("infiniband-hdr-200") && !Contains("connectx-6"));
  LinkModel& link = scenario.cluster.pools[0].node.nics->link;
  link.adapter->power.reset();
  link.cable.reset();
  CHECK_THAT(missing(scenario), Contains("connectx-6, cable of infiniband-hdr-200: power unknown, counted as 0 W"));
  scenario.cluster.pools[0].node.host_power = Watts(1000);
  CHECK_THAT(missing(scenario), Contains("cable of infiniband-hdr-200: power unknown") && !Contains("connectx-6"));
}

TEST_CASE("a job on devices of unknown power has no energy, and says so, while its other parts stand") {
  SmallScenario small;
  small.plan.data = 16;
  Scenario scenario = make(small);
  DeviceModel& device = scenario.cluster.pools[0].node.device;
  device.power = {};
  device.name = "unknown";  // nor has a generation of its own
  device.generation = "";
  const ScenarioRun run = run_of(scenario);
  const JobMetrics& job = run.metrics.jobs[0];
  CHECK(std::isnan(job.energy.compute_J));
  CHECK(std::isnan(job.energy_J));
  CHECK(job.energy.network_J > 0);
  const Json json = result_json(scenario, run);
  CHECK(json["metrics"]["energy_J"].is_null());
  const auto says = [&](const char* text) {
    return std::any_of(run.warnings.begin(), run.warnings.end(),
                       [text](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  CHECK(says("neither its power limit nor the energy of its operations is known"));
}
