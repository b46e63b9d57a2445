// A store never mixes points of different data: what the points were read from is kept with them, all of it, and held
// against what is there when a sweep goes on and when parts are merged.
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "scenarios/store.hpp"
#include "sim/json.hpp"
#include "tests/scenarios/small_scenario.hpp"
#include "tests/support/chain_schedule.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;
using orrery::testing::chain_xml;

namespace {

std::string network(int layers) {
  return R"({"name": "own", "layers": )" + std::to_string(layers) +
         R"(, "hidden": 256, "heads": 8, "sequence": 128, "vocabulary": 1024})";
}

// Point 1 of `points` alone runs on the library's model "own".
std::string sweep_of(int points) {
  std::string models = R"("tiny-gpt", "own")";
  for (int i = 2; i < points; ++i)
    models += R"(, {"base": "tiny-gpt", "vocabulary": )" + std::to_string(1024 + 8 * i) + "}";
  return R"({"orrery": "sweep/1", "base": "small.json", "axes": [{"path": "/jobs/0/model", "values": [)" + models +
         R"(]}], "metrics": ["iteration_s", "goodput"]})";
}

struct Study : Folder {
  explicit Study(const std::string& sweep, const std::string& scenario = small_scenario) {
    std::filesystem::create_directories(path("lib/networks"));
    std::filesystem::create_directories(path("lib/reliability"));
    std::filesystem::create_directories(path("lib/kernels/calibration"));
    write("lib/networks/own.json", network(4));
    write("small.json", scenario);
    write("sweep.json", sweep);
  }
  Outcome run(std::vector<std::string> more = {}) const {
    std::vector<std::string> all = {"sweep", path("sweep.json"), "--out", path("out"), "--library", path("lib")};
    all.insert(all.end(), more.begin(), more.end());
    return run_orrery(all);
  }
  void forget(int point) const {
    Database(path("out/sweep.sqlite"), Database::Mode::create)
        .run("DELETE FROM points WHERE point = " + std::to_string(point));
  }
  void refuses_to_go_on(const std::string& because_of) const {
    const Outcome outcome = run({"--resume"});
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Contains("points of another state of " + because_of));
  }
};

const std::string three_batches =
    R"({"orrery": "sweep/1", "base": "small.json", "axes": [{"path": "/jobs/0/batch/global", "values": [16, 32, 48]}],
        "metrics": ["iteration_s", "goodput"]})";

}  // namespace

TEST_CASE("a sweep does not go on when the one part that one point of many uses has changed") {
  const Study study(sweep_of(130));
  REQUIRE(study.run().exit_code == 0);
  study.forget(129);
  CHECK(study.run({"--resume"}).exit_code == 0);
  study.forget(129);
  study.write("lib/networks/own.json", network(8));
  study.refuses_to_go_on("networks/own");
  study.write("lib/networks/own.json", network(4));
  study.write("lib/networks/unused.json", network(8));
  CHECK(study.run({"--resume"}).exit_code == 0);
}

TEST_CASE("a sweep does not go on when a published failure rate, or a calibration of its devices, has changed") {
  std::string failing = with(
      "{\"node\": \"dgx-a100-80gb\"}",
      R"({"node": {"base": "dgx-a100-80gb", "device": {"base": "nvidia-a100-sxm4-80gb", "name": "own-device"}}})");
  failing.insert(failing.rfind('}'), R"(, "reliability": {"checkpoint_time": "40 s", "restart_time": "10 min"})");
  const Study study(three_batches, failing);
  const auto rate = [&](const char* hours) {
    study.write("lib/reliability/ampere.json",
                std::string(R"({"name": "ampere", "title": "own", "device_mtbf": ")") + hours + R"( h"})");
  };
  rate("29538");
  REQUIRE(study.run().exit_code == 0);
  study.forget(2);
  SECTION("failure rate") {
    rate("300");
    study.refuses_to_go_on("reliability/ampere");
  }
  SECTION("a calibration that was not there") {
    study.write("lib/own-device.json", R"({"name": "own-device"})");  // beside the folders of kinds is a place, too
    study.refuses_to_go_on("hardware/accelerators/own-device");
  }
}

TEST_CASE(
    "a sweep does not go on when a collective's schedule has changed, and a point's scenario holds the schedule") {
  const auto of = [](const std::string& part) {
    std::string text = small_scenario;
    text.replace(text.find("\"data\": 2, \"tensor\": 2, \"pipeline\": 2"), 37, "\"tensor\": 4, \"pipeline\": 2");
    return text.insert(text.find("\"software\""), part);
  };
  const Study study(three_batches,
                    of(R"("collectives": [{"collective": "all_reduce", "devices": 4, "schedule": "own.xml"}], )"));
  study.write("own.xml", "\n<!-- a comment -->\n" + chain_xml(4) + "\n");
  REQUIRE(study.run().exit_code == 0);
  study.forget(2);
  study.write("own.xml", chain_xml(4, "ll"));
  study.refuses_to_go_on("file/own.xml");
  std::filesystem::create_directories(study.path("elsewhere"));
  const std::string point = study.path("elsewhere/point.json");
  REQUIRE(run_orrery({"export", study.path("out"), "--scenario", "0", "-o", point}).exit_code == 0);
  const Outcome again = run_orrery({"run", point, "--json"});
  INFO(again.err);
  REQUIRE(again.exit_code == 0);
  std::string stored;
  Store::open(study.path("out/sweep.sqlite")).each([&](const StoredPoint& p) {
    if (p.point == 0) stored = p.metrics["iteration_s"].dump();
  });
  CHECK(parse_json(again.out, "run")["metrics"]["iteration_s"].dump() == stored);
}

TEST_CASE("a point's scenario holds the platform of its fabric") {
  const Folder folder;
  const std::string sweep = folder.write("sweep.json", R"({"orrery": "sweep/1", "base": "simgrid-two-clusters",
      "axes": [{"path": "/jobs/0/batch/global", "values": [64, 128]}], "metrics": ["iteration_s"]})");
  REQUIRE(run_orrery({"sweep", sweep, "--out", folder.path("out")}).exit_code == 0);
  const std::string point = folder.path("point.json");
  REQUIRE(run_orrery({"export", folder.path("out"), "--scenario", "0", "-o", point}).exit_code == 0);
  const Outcome again = run_orrery({"run", point, "--json"});
  INFO(again.err);
  REQUIRE(again.exit_code == 0);
  const Json results = parse_json(read_text(folder.path("out/results.json")), "results");
  CHECK(parse_json(again.out, "run")["metrics"]["iteration_s"] == results["points"][0]["metrics"]["iteration_s"]);
}

TEST_CASE("shards that were simulated with different parts are not merged") {
  const Study study(
      R"({"orrery": "sweep/1", "base": "small.json", "axes": [{"path": "/jobs/0/model", "values": ["own"]},
      {"path": "/jobs/0/batch/global", "values": [16, 32, 48, 64]}], "metrics": ["iteration_s"]})");
  REQUIRE(study.run({"--shard", "1/2"}).exit_code == 0);
  study.write("lib/networks/own.json", network(16));
  REQUIRE(study.run({"--shard", "2/2"}).exit_code == 0);
  const Outcome merged = run_orrery({"merge", study.path("out"), "--out", study.path("out")});
  CHECK(merged.exit_code == 2);
  CHECK_THAT(merged.err, Contains("networks/own as in ") && Contains("shard-0001-of-0002.sqlite"));
  CHECK_FALSE(std::filesystem::exists(study.path("out/sweep.sqlite")));
  std::filesystem::remove(study.path("out/shard-0001-of-0002.sqlite"));
  REQUIRE(study.run({"--shard", "1/2"}).exit_code == 0);
  CHECK(run_orrery({"merge", study.path("out"), "--out", study.path("out")}).exit_code == 0);
}
