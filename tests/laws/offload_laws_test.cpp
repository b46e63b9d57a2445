// Laws of offloading to host memory: what leaves the device, and what it costs.
#include <catch2/catch.hpp>

#include "tests/support/small_scenario.hpp"

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
