#include "scenarios/scaling.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "scenarios/scaling_report.hpp"
#include "scenarios/scaling_study.hpp"
#include "tests/support/small_scenario.hpp"

using namespace orrery;
using orrery::testing::make;
using orrery::testing::SmallScenario;
using orrery::testing::Wiring;
using Counts = std::vector<std::int64_t>;

namespace {

Scenario small(Wiring wiring = Wiring::one_switch) {  // 4 nodes of 4: tensor 2, pipeline 2, data 4
  SmallScenario s;
  s.wiring = wiring;
  s.plan.tensor = 2;
  s.plan.pipeline = 2;
  s.global_batch = 32;
  s.micro_batch = 2;
  return make(s);
}

ScalingStudy study(const Scenario& scenario, const Counts& devices, ScalingMode mode = ScalingMode::strong) {
  ScalingRequest request;
  request.mode = mode;
  request.devices = devices;
  return run_scaling(scenario, "test.json", Library::installed(), request);
}

Json at(const ScaledScenario& size, const char* pointer) { return size.document.at(Json::json_pointer(pointer)); }

}  // namespace

TEST_CASE("device counts are ranges that double, lists, or both") {
  CHECK(parse_device_counts("8..64") == Counts{8, 16, 32, 64});
  CHECK(parse_device_counts("8..50") == Counts{8, 16, 32, 50});
  CHECK(parse_device_counts("512,8,64,8") == Counts{8, 64, 512});
  CHECK(parse_device_counts("8..32,96") == Counts{8, 16, 32, 96});
  for (const char* wrong :
       {"", "x", "8..", "..8", "64..8", "0", "-8", "8,", "8.5", "8..16..32", "1e3", " 8", "99999999999999999999"})
    CHECK_THROWS_AS(parse_device_counts(wrong), std::invalid_argument);
}

TEST_CASE("nodes follow the devices, and a job smaller than its node leaves the rest idle") {
  const Scenario scenario = small();
  CHECK(scaled(scenario, 32, ScalingMode::strong).nodes == 8);
  CHECK(at(scaled(scenario, 32, ScalingMode::strong), "/cluster/pools/0/count") == 8);
  SmallScenario alone;
  alone.plan.tensor = 2;
  const ScaledScenario two = scaled(make(alone), 2, ScalingMode::strong);
  CHECK(two.nodes == 1);
  CHECK(at(two, "/jobs/0/placement/count") == 2);
}

TEST_CASE("data parallelism takes what the other degrees leave, and what they do not divide is no size") {
  CHECK(at(scaled(small(), 8, ScalingMode::strong), "/jobs/0/plan/data") == 2);
  const ScaledScenario odd = scaled(small(), 6, ScalingMode::strong);
  CHECK(odd.impossible == "tensor x pipeline x context = 2 x 2 x 1 = 4 does not divide 6 devices");
}

TEST_CASE("strong scaling keeps the global batch, weak scaling the sequences per device") {
  CHECK(at(scaled(small(), 8, ScalingMode::strong), "/jobs/0/batch/global") == 32);
  CHECK(at(scaled(small(), 8, ScalingMode::weak), "/jobs/0/batch/global") == 16);
  CHECK(at(scaled(small(), 64, ScalingMode::weak), "/jobs/0/batch/global") == 128);
}

TEST_CASE("the micro-batch shrinks only where a replica's share is no multiple of it") {
  CHECK(at(scaled(small(), 64, ScalingMode::strong), "/jobs/0/batch/micro") == 2);
  const ScaledScenario large = scaled(small(), 128, ScalingMode::strong);  // 32 replicas, one sequence each
  CHECK(at(large, "/jobs/0/batch/micro") == 1);
  REQUIRE(large.changes.size() == 1);
  CHECK(large.changes[0] == "micro-batch 2 -> 1: a replica has 1 sequences");
  CHECK_FALSE(scaled(small(), 256, ScalingMode::strong).impossible.empty());  // 64 replicas share 32 sequences
}

TEST_CASE("a ZeRO group of all ranks stays all ranks, another is cut down to a divisor") {
  SmallScenario s;
  s.plan.zero_stage = 3;
  s.plan.zero_group = 16;
  s.global_batch = 64;
  CHECK(at(scaled(make(s), 32, ScalingMode::strong), "/jobs/0/plan/zero_group") == 32);
  s.plan.zero_group = 8;
  CHECK(at(scaled(make(s), 32, ScalingMode::strong), "/jobs/0/plan/zero_group") == 8);
  CHECK(at(scaled(make(s), 4, ScalingMode::strong), "/jobs/0/plan/zero_group") == 4);
}

TEST_CASE("a fat-tree that is too small gets the fewest levels that fit") {
  const Scenario tree = small(Wiring::fat_tree);  // 2 levels of 16 ports hold 128 NICs
  CHECK(at(scaled(tree, 128, ScalingMode::weak), "/cluster/fabric/levels") == 2);
  const ScaledScenario large = scaled(tree, 256, ScalingMode::weak);
  CHECK(at(large, "/cluster/fabric/levels") == 3);
  CHECK(large.changes == std::vector<std::string>{"fat-tree levels 2 -> 3: 64 nodes need them"});
  CHECK_FALSE(scaled(tree, 4096, ScalingMode::weak).impossible.empty());
}

TEST_CASE("a HyperX that is too small grows along its shortest side") {
  Scenario scenario = small();
  scenario.cluster.fabric.kind = "hyperx";
  scenario.cluster.fabric.options = {{"dimensions", {2, 4}}, {"terminals_per_router", 4}};
  CHECK(at(scaled(scenario, 32, ScalingMode::weak), "/cluster/fabric/options/dimensions") == Json({2, 4}));
  const ScaledScenario large = scaled(scenario, 64, ScalingMode::weak);
  CHECK(at(large, "/cluster/fabric/options/dimensions") == Json({4, 4}));
  CHECK(large.changes == std::vector<std::string>{"HyperX dimensions [2,4] -> [4,4]: 16 nodes need them"});
}

TEST_CASE("one node alone cannot become two, and the row says why") {
  Scenario scenario = small();
  scenario.cluster.pools[0].count = 1;
  scenario.cluster.fabric.kind = "none";
  CHECK(scaled(scenario, 4, ScalingMode::weak).impossible == "");
  CHECK_FALSE(scaled(scenario, 8, ScalingMode::weak).impossible == "");
}

TEST_CASE("a torus that is the whole cluster grows along its shortest sides, its NICs with it") {
  const Library library = Library::installed();
  const Scenario slice = read_scenario(load_scenario_document("maxtext-22b-64-tpu-v4", library), library);
  const auto shape = [&](std::int64_t devices) {
    const ScaledScenario size = scaled(slice, devices, ScalingMode::weak);
    CHECK(size.impossible == "");
    CHECK(size.nodes == 1);
    CHECK(at(size, "/cluster/pools/0/node/devices") == devices);
    CHECK(at(size, "/cluster/pools/0/node/nics/count") == devices / 2);
    CHECK(at(size, "/jobs/0/batch/global") == devices * 16);
    return at(size, "/cluster/pools/0/node/scale_up/dimensions");
  };
  CHECK(shape(64) == Json({4, 4, 4}));
  CHECK(shape(128) == Json({4, 4, 8}));
  CHECK(shape(256) == Json({4, 8, 8}));
  CHECK(shape(192) == Json({4, 4, 12}));
  CHECK(scaled(slice, 256, ScalingMode::weak).changes.front() == "slice 4x4x4 -> 4x8x8");
  CHECK(scaled(slice, 96, ScalingMode::weak).impossible ==
        "96 devices are no multiple of the slice 4x4x4, which grows as a whole");
  CHECK(scaled(slice, 32, ScalingMode::weak).impossible == "");
  Scenario hosted = slice;
  hosted.cluster.pools[0].node.host_power = Watts(1000);
  const Json power = at(scaled(hosted, 128, ScalingMode::weak), "/cluster/pools/0/node/host_power");
  CHECK(power == "2 kW");
}

TEST_CASE("at its own size a scaled scenario is the scenario") {
  const Scenario scenario = small(Wiring::fat_tree);
  const double alone = run_scenario(scenario, "test.json", Library::installed()).metrics.jobs[0].iteration_s;
  CHECK(study(scenario, {16}).points[0].metrics.iteration_s == alone);
}

TEST_CASE("at its own size a scaled job keeps its place, beside other devices and among slow ones") {
  Scenario scenario = small(Wiring::fat_tree);
  scenario.cluster.pools[0].count = 6;
  scenario.cluster.pools[0].slow_devices = {2};
  scenario.cluster.pools[0].slow_factor = 0.5;
  scenario.jobs[0].placement = Placement{4, 16};  // not on the slow device
  const double alone = run_scenario(scenario, "test.json", Library::installed()).metrics.jobs[0].iteration_s;
  const ScaledScenario same = scaled(scenario, 16, ScalingMode::strong);
  CHECK(at(same, "/jobs/0/placement") == Json({{"first", 4}, {"count", 16}}));
  CHECK(at(same, "/cluster/pools/0/count") == 6);
  CHECK(same.nodes == 4);
  CHECK(study(scenario, {16}).points[0].metrics.iteration_s == alone);
  const ScaledScenario larger = scaled(scenario, 32, ScalingMode::weak);
  CHECK(at(larger, "/cluster/pools/0/count") == 9);
  CHECK(at(larger, "/jobs/0/placement") == Json({{"first", 4}, {"count", 32}}));
}

TEST_CASE("a degraded place that a size does not have is left out of it, and said") {
  Scenario scenario = small(Wiring::fat_tree);
  DegradedSpec near, far;
  near.at = "nic 1";
  far.at = "nic 9";
  near.rate = far.rate = 0.5;
  scenario.cluster.degraded = {near, far};
  const ScaledScenario smaller = scaled(scenario, 8, ScalingMode::strong);
  CHECK(smaller.impossible.empty());
  CHECK(at(smaller, "/cluster/degraded").size() == 1);
  CHECK(smaller.changes.front() == "degraded \"nic 9\" is not part of this size");
  CHECK(at(scaled(scenario, 16, ScalingMode::strong), "/cluster/degraded").size() == 2);
}

TEST_CASE("a degraded place or a slow device that the scenario itself lacks is a mistake") {
  const auto pointer_of = [](const Scenario& scenario) -> std::string {
    try {
      check_scalable(scenario, "test.json");
    } catch (const SpecError& error) {
      return error.faults().front().pointer;
    }
    return "";
  };
  Scenario scenario = small(Wiring::fat_tree);
  scenario.cluster.pools[0].slow_devices = {3};
  CHECK(pointer_of(scenario) == "");
  scenario.cluster.pools[0].slow_devices = {3, 500};
  CHECK(pointer_of(scenario) == "/cluster/pools/0/slow_devices/1");
  scenario.cluster.pools[0].slow_devices.clear();
  scenario.cluster.degraded.emplace_back();
  scenario.cluster.degraded[0].at = "nic 500";
  CHECK(pointer_of(scenario).starts_with("/cluster/degraded/0"));
}

TEST_CASE("what grew against the baseline is what the efficiency was lost to") {
  for (const ScalingMode mode : {ScalingMode::strong, ScalingMode::weak}) {
    const ScalingStudy s = study(small(Wiring::oversubscribed_tree), {4, 8, 16}, mode);
    CHECK(s.baseline == 4);
    CHECK(s.points[0].efficiency == Approx(1));
    CHECK(s.points[0].growths.empty());
    for (const ScalingPoint& point : {s.points[1], s.points[2]}) {
      double grown = 0;
      for (const Growth& growth : point.growths) grown += growth.share;
      CHECK(grown == Approx(1 / *point.efficiency - 1).margin(1e-9));
      CHECK(point.growths.front().share > 0);
      CHECK(point.result["scaling_efficiency"] == *point.efficiency);
    }
  }
}

TEST_CASE("fewer micro-batches per replica make the pipeline bubble the limit") {
  const ScalingStudy s = study(small(), {4, 32});
  CHECK(s.points[1].growths.front().name == "bubble");
  CHECK(*s.points[1].efficiency < 1);
}

TEST_CASE("the baseline can be any size, and one that cannot be simulated is refused") {
  ScalingRequest request;
  request.devices = {4, 8};
  request.baseline = 16;
  const ScalingStudy s = run_scaling(small(), "test.json", Library::installed(), request);
  REQUIRE(s.points.size() == 3);
  CHECK(s.points[2].efficiency == Approx(1));
  request.baseline = 6;
  CHECK_THROWS_AS(run_scaling(small(), "test.json", Library::installed(), request), std::invalid_argument);
}

TEST_CASE("a study is the same however many sizes are simulated at a time") {
  ScalingRequest request;
  request.devices = {4, 8, 16};
  request.jobs = 1;
  const Json one = scaling_json(run_scaling(small(), "test.json", Library::installed(), request));
  request.jobs = 3;
  CHECK(scaling_json(run_scaling(small(), "test.json", Library::installed(), request)) == one);
}

TEST_CASE("a size that cannot be built is a row of table and CSV with its reason") {
  const ScalingStudy s = study(small(), {4, 6, 8});
  CHECK_FALSE(s.points[1].simulated);
  const std::string table = scaling_table(s), csv = scaling_csv(s);
  CHECK(table.find("not possible: tensor x pipeline") != std::string::npos);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 4);
  CHECK(scaling_json(s)["points"][1]["metrics"].is_null());
}

TEST_CASE("the throughput plot starts on the ideal line") {
  const Plot plot = throughput_plot(study(small(), {4, 8}));
  REQUIRE(plot.series.size() == 2);
  CHECK(plot.series[0].points[0].y == Approx(plot.series[1].points[0].y));
  CHECK(plot.series[1].points[1].y == Approx(2 * plot.series[1].points[0].y));
}

TEST_CASE("several jobs or pools cannot be scaled") {
  Scenario two = small();
  two.jobs.push_back(two.jobs[0]);
  two.cluster.pools.push_back(two.cluster.pools[0]);
  try {
    check_scalable(two, "test.json");
    FAIL("no fault");
  } catch (const SpecError& error) {
    CHECK(error.faults().size() == 2);
  }
}

TEST_CASE("the scenarios of the studies can be scaled") {
  const Library library = Library::installed();
  std::size_t found = 0;
  for (const std::filesystem::path& folder : library.folders()) {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "scenarios/library/studies", none)) {
      const Scenario scenario = read_scenario(load_scenario_document(entry.path().string(), library), library);
      CHECK_NOTHROW(check_scalable(scenario, entry.path().string()));
      CHECK(scaled(scenario, 4096, ScalingMode::weak).impossible == "");
      ++found;
    }
  }
  CHECK(found >= 4);
}
