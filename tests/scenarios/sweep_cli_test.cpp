// `orrery sweep` and `orrery export`: what is stored and exported, going on after a stop, bad input.
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "sim/json.hpp"
#include "tests/scenarios/small_scenario.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const std::string small_sweep = R"({"orrery": "sweep/1", "base": "small.json",
  "axes": [{"path": "/jobs/0/plan/tensor", "values": [1, 2, 4]},
           {"path": "/jobs/0/batch/micro", "values": [1, 2, 3]}],
  "derived": [{"name": "data", "path": "/jobs/0/plan/data", "expression": "4 / tensor"}],
  "metrics": ["iteration_s", "energy_J"]})";

struct SweepFolder : Folder {
  explicit SweepFolder(const std::string& sweep = small_sweep) {
    write("small.json", small_scenario);
    file = write("sweep.json", sweep);
  }
  std::string file;
};

}  // namespace

TEST_CASE("a sweep exports the same bytes whatever the number of jobs") {
  const SweepFolder folder;
  const Outcome one = run_orrery({"sweep", folder.file, "--out", folder.path("one"), "--jobs", "1"});
  CHECK(one.exit_code == 0);
  CHECK_THAT(one.out, StartsWith("9 of 9 points simulated"));
  const Outcome four = run_orrery({"sweep", folder.file, "--out", folder.path("four"), "--jobs", "4"});
  CHECK(four.exit_code == 0);
  for (const char* result : {"/results.csv", "/results.json"})
    CHECK(read_text(folder.path("one") + result) == read_text(folder.path("four") + result));
  CHECK_THAT(
      read_text(folder.path("one") + "/results.csv"),
      StartsWith(
          "point,status,tensor,micro,data,iteration_s,energy_J,reason,warnings,scenario_sha256,orrery\r\n0,ok,1,1,4,"));
  CHECK(run_orrery({"export", folder.path("one")}).out == read_text(folder.path("one") + "/results.csv"));
}

TEST_CASE("tables of others are not replaced by those of a sweep or a merge, and nothing is simulated first") {
  const SweepFolder folder;
  REQUIRE(run_orrery({"sweep", folder.file, "--out", folder.path("part"), "--shard", "1/1"}).exit_code == 0);
  const std::string store = folder.path("part/sweep.sqlite");
  for (const char* table : {"results.csv", "results.json"}) {
    const std::string mine = folder.write(table, "mine");
    folder.write("sweep.sqlite", "");
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"sweep", folder.file, "--out", folder.path()},
          {"merge", store, "--out", folder.path()}}) {
      const Outcome outcome = run_orrery(arguments);
      INFO(arguments.front() << ": " << outcome.err);
      CHECK(outcome.exit_code == 2);
      CHECK_THAT(outcome.err, Contains(table) && Contains("not an earlier output of this kind"));
      CHECK(read_text(mine) == "mine");
    }
    std::filesystem::remove(mine);
  }
  std::filesystem::create_directories(folder.path("other"));
  folder.write("other/notes.sqlite", "mine");
  CHECK(run_orrery({"sweep", folder.file, "--out", folder.path("other")}).exit_code == 2);
  const Outcome nothing = run_orrery({"merge", folder.path("none.sqlite"), "--out", folder.path("new")});
  CHECK(nothing.exit_code == 2);
  CHECK_FALSE(std::filesystem::exists(folder.path("new")));
}

TEST_CASE("a sweep that is done leaves one file, which can be read where nothing can be written") {
  const SweepFolder folder;
  REQUIRE(run_orrery({"sweep", folder.file, "--out", folder.path("out")}).exit_code == 0);
  const std::string store = read_text(folder.path("out/sweep.sqlite"));
  CHECK(store.at(18) == 1);  // the version to write of a database without a log: sqlite.org/fileformat.html
  CHECK_FALSE(std::filesystem::exists(folder.path("out/sweep.sqlite-wal")));
  CHECK(run_orrery({"sweep", folder.file, "--out", folder.path("out"), "--resume"}).exit_code == 0);
}

TEST_CASE("a sweep and a merge write where a symbolic link leads to a folder that is not there yet") {
  namespace fs = std::filesystem;
  const SweepFolder folder;
  fs::create_symlink("new/sweep", folder.path("out"));
  fs::create_symlink("new/merged", folder.path("merged"));
  const Outcome swept = run_orrery({"sweep", folder.file, "--out", folder.path("out")});
  INFO(swept.err);
  REQUIRE(swept.exit_code == 0);
  for (const char* shard : {"1/2", "2/2"})
    REQUIRE(run_orrery({"sweep", folder.file, "--out", folder.path("parts"), "--shard", shard}).exit_code == 0);
  CHECK(run_orrery({"merge", folder.path("parts"), "--out", folder.path("merged")}).exit_code == 0);
  for (const char* name : {"new/sweep/sweep.sqlite", "new/merged/sweep.sqlite", "new/merged/results.csv"})
    CHECK(fs::is_regular_file(folder.path(name)));
  CHECK(fs::is_symlink(folder.path("out")));
}

TEST_CASE("a point of a sweep is what running its scenario gives") {
  const SweepFolder folder;
  REQUIRE(run_orrery({"sweep", folder.file, "--out", folder.path("out")}).exit_code == 0);
  const Json results = parse_json(read_text(folder.path("out/results.json")), "results");
  REQUIRE(results["points"].size() == 9);
  const Json& point = results["points"][4];
  CHECK(point["inputs"] == Json({{"tensor", 2}, {"micro", 2}, {"data", 2}}));
  const Outcome run = run_orrery({"run", folder.path("small.json"), "--json", "--set", "/jobs/0/plan/tensor=2", "--set",
                                  "/jobs/0/batch/micro=2", "--set", "/jobs/0/plan/data=2"});
  REQUIRE(run.exit_code == 0);
  CHECK(parse_json(run.out, "run")["metrics"]["iteration_s"] == point["metrics"]["iteration_s"]);
  const std::string scenario = folder.path("point.json");
  REQUIRE(run_orrery({"export", folder.path("out"), "--scenario", "4", "-o", scenario}).exit_code == 0);
  const Outcome again = run_orrery({"run", scenario, "--json"});
  REQUIRE(again.exit_code == 0);
  CHECK(parse_json(again.out, "run")["metrics"]["iteration_s"] == point["metrics"]["iteration_s"]);
}

TEST_CASE("a point that is not possible is a row with its reason") {
  const SweepFolder folder;
  REQUIRE(run_orrery({"sweep", folder.file, "--out", folder.path("out")}).exit_code == 0);
  const Json results = parse_json(read_text(folder.path("out/results.json")), "results");
  const Json& point = results["points"][2];  // 16 samples over 4 ranks are no multiple of 3
  CHECK(point["status"] == "invalid");
  CHECK_THAT(point["reason"].get<std::string>(), StartsWith("at /jobs/0") && Contains("expected"));
  CHECK(point["metrics"].empty());
}
