// Failures: the section of a scenario, the published rates, and measured rows of kind "reliability".
#include <catch2/catch.hpp>

#include "analysis/metrics_from_json.hpp"
#include "analysis/report.hpp"
#include "scenarios/reliability_spec.hpp"
#include "scenarios/sweep.hpp"
#include "scenarios/validate_predict.hpp"
#include "tests/support/run_orrery.hpp"
#include "tests/support/small_scenario.hpp"

using namespace orrery;
using orrery::testing::make;
using orrery::testing::SmallScenario;

namespace {

const Library& shipped() {
  static const Library library({ORRERY_SOURCE_DATA_DIR});
  return library;
}

ReliabilitySpec spec() {
  ReliabilitySpec s;
  s.checkpoint_time = Seconds(40);
  s.restart_time = Seconds(600);
  return s;
}

JobMetrics run_with(const std::optional<ReliabilitySpec>& reliability) {
  Scenario scenario = make(SmallScenario{});  // 16 A100
  scenario.reliability = reliability;
  scenario.jobs[0].training_tokens = 1e9;
  return run_scenario(scenario, "test.json", shipped()).metrics.jobs[0];
}

Prediction predicted(const std::string& run) {
  MeasuredRow row;
  row.kind = "reliability";
  row.id = "row";
  row.run = Json::parse(run);
  return predict(row, Fidelity::flow, shipped());
}

}  // namespace

TEST_CASE("without a reliability section nothing fails and goodput is null") {
  const Json document = metrics_json(run_with({}));
  CHECK(document["goodput"].is_null());
  CHECK(document["reliability"].is_null());
}

TEST_CASE("a job fails as often as its devices together, at the rate published for their generation") {
  const JobMetrics job = run_with(spec());
  REQUIRE(job.reliability);
  CHECK(job.reliability->mtbf_s == Approx(29538 * 3600.0 / 16));
  CHECK(*job.reliability->time_to_train_s == Approx(*job.time_to_train_s / job.reliability->goodput));
  ReliabilitySpec stated = spec();
  stated.device_mtbf = Seconds(16 * 5000);
  CHECK(run_with(stated).reliability->mtbf_s == Approx(5000));
}

TEST_CASE("what a result says of failures is read back") {
  const JobMetrics job = run_with(spec());
  const Json document = metrics_json(job);
  CHECK(document["goodput"] == job.reliability->goodput);
  CHECK(metrics_json(job_metrics_from_json(job.name, document))["reliability"] == document["reliability"]);
}

TEST_CASE("a generation without a published failure rate needs one") {
  Scenario scenario = make(SmallScenario{});
  scenario.reliability = spec();
  scenario.cluster.pools[0].node.device.generation = "unheard-of";
  try {
    run_scenario(scenario, "test.json", shipped());
    FAIL("nothing was refused");
  } catch (const SpecError& error) {
    CHECK(error.faults().front().pointer == "/reliability/device_mtbf");
  }
}

TEST_CASE("every shipped failure rate is named after its file and cites its source") {
  const auto names = shipped().names("reliability");
  REQUIRE(names.size() >= 2);
  for (const std::string& name : names) {
    const auto rate = load_part<FailureRate>("reliability", name, shipped());
    CHECK(rate.name == name);
    CHECK_FALSE(rate.title.empty());
    CHECK(rate.sources.contains("/device_mtbf"));
  }
}

TEST_CASE("reliability rows are predicted in the unit they are printed in") {
  const std::string a100 = R"({"accelerator": "nvidia-a100-sxm4", "devices": 1024, "measured": )";
  const Prediction mttf = predicted(a100 + R"({"mttf_h": 7.9}})");
  CHECK(mttf.metric == "mttf_h");
  CHECK(*mttf.predicted == Approx(29538.0 / 1024));
  CHECK(*mttf.measured == 7.9);
  CHECK(*predicted(a100 + R"({"node_failures_per_1000_node_days": 6.5}})").predicted == Approx(6.5).epsilon(1e-4));
  const std::string h100 = R"({"accelerator": "nvidia-h100-sxm5-80gb", "devices": 16384, "measured": )";
  CHECK(*predicted(h100 + R"({"interruptions": 400, "period_h": 1296}})").predicted == Approx(419).epsilon(1e-4));
  CHECK(*predicted(R"({"accelerator": "nvidia-h100-sxm5-80gb", "devices": 16384, "checkpoint_time_s": 40,
                       "restart_time_s": 300, "measured": {"goodput": 0.9}})")
             .predicted == Approx(0.9).epsilon(0.05));
}

TEST_CASE("a reliability row that no failure rate decides is listed with the reason") {
  CHECK(predicted(R"({"accelerator": "nvidia-a100-sxm4", "measured": {"lemon_nodes_about": 40}})").skipped ==
        "it states no failure rate, time between failures or goodput");
  CHECK(predicted(R"({"accelerator": "google-tpu-v4", "devices": 8, "measured": {"mttf_h": 9}})").skipped ==
        "no failure rate is published for the generation of google-tpu-v4");
  CHECK(predicted(R"({"accelerator": "nvidia-a100-sxm4", "measured": {"mttf_h": 9}})").skipped ==
        "devices is not stated");
  CHECK(predicted(R"({"devices": 3, "measured": {"mttf_h": 9}})").skipped == "the accelerator is not named");
}

TEST_CASE("a sweep keeps figures of the optional parts of a result: cost and failures") {
  const test::Folder folder;
  const std::string file = folder.write("sweep.json", R"({"orrery": "sweep/1", "base": "tiny",
      "axes": [{"path": "/jobs/0/batch/micro", "values": [1, 2]}],
      "metrics": ["goodput", "/jobs/0/metrics/reliability/mtbf_s", "/jobs/0/metrics/cost/per_million_tokens_USD"]})");
  CHECK(load_sweep(file, shipped(), 0).metrics.size() == 3);
}
