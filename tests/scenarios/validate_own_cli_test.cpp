// `orrery validate --scenario --log` as its users call it: one log, a CSV of iterations, a CSV of runs, and what goes wrong.
#include <filesystem>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "sim/json.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using test::Folder;
using test::run_orrery;

namespace {

const std::string scenario = R"({ "orrery": "scenario/1", "name": "own",
  "cluster": { "pools": [{ "node": "dgx-a100-80gb", "count": 1 }] },
  "jobs": [{ "model": "gpt3-1.3b", "precision": "bf16", "batch": { "global": 64, "micro": 4 },
             "plan": { "tensor": 2, "zero_stage": 1 }, "software": "megatron-core" }] })";

std::string log_of(int lines, double ms, int tensor) {
  std::string text = fmt::format("  tensor_model_parallel_size ...................... {}\n", tensor);
  for (int i = 1; i <= lines; ++i)
    text += fmt::format(
        " iteration {:8d}/ 500 | consumed samples: {} | elapsed time per iteration (ms): {:.1f} | learning "
        "rate: 1.0E-04 | global batch size:    64 | lm loss: 2.0E+00 |\n",
        i, 64 * i, ms);
  return text;
}

Json json_of(const std::vector<std::string>& arguments) {
  const auto outcome = run_orrery(arguments);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return Json::parse(outcome.out);
}

}  // namespace

TEST_CASE("a training log stands beside the prediction of its scenario, which is that of run") {
  const Folder folder;
  const std::string file = folder.write("own.json", scenario), log = folder.write("train.log", log_of(40, 1500, 2));
  const Json result = json_of({"validate", "--scenario", file, "--log", log, "--json"});
  const Json& run = result["runs"][0];
  CHECK(run["measured"] == 1.5);
  CHECK(run["predicted"] == json_of({"run", file, "--json"})["metrics"]["iteration_s"]);
  CHECK(run["log"]["lines_used"] == 30);
  CHECK(run["log"]["framework"] == "Megatron-LM");
  CHECK(run["log"]["warnings"].empty());
  CHECK(run["low"].get<double>() < run["predicted"].get<double>());
  const auto text = run_orrery({"validate", "--scenario", file, "--log", log});
  CHECK_THAT(text.out, Catch::Contains("measured") && Catch::Contains("median of 30") && Catch::Contains("predicted"));
}

TEST_CASE("a log that contradicts its scenario is compared with a warning") {
  const Folder folder;
  const std::string file = folder.write("own.json", scenario), log = folder.write("train.log", log_of(40, 1500, 4));
  const Json result = json_of({"validate", "--scenario", file, "--log", log, "--json"});
  REQUIRE(result["runs"][0]["log"]["warnings"].size() == 1);
  CHECK_THAT(result["runs"][0]["log"]["warnings"][0].get<std::string>(),
             Catch::Contains("/jobs/0/plan/tensor 4, the scenario has 2"));
  const Json set = json_of({"validate", "--scenario", file, "--log", log, "--json", "--set", "/jobs/0/plan/tensor=4"});
  CHECK(set["runs"][0]["log"]["warnings"].empty());
}

TEST_CASE("rows of a CSV are runs where columns point into the scenario, else iterations of one run") {
  const Folder folder;
  const std::string file = folder.write("own.json", scenario);
  const std::string runs = folder.write("runs.csv", "tp,step time\n1,1400\n2,1500\n2,1520\n3,1500\n4,1700\n");
  const Json result = json_of({"validate", "--scenario", file, "--log", runs, "--column", "time_ms=step time",
                               "--column", "/jobs/0/plan/tensor=tp", "--json"});
  REQUIRE(result["runs"].size() == 4);
  CHECK(result["runs"][1]["id"] == "tensor=2");
  CHECK(result["runs"][1]["measured"] == Approx(1.52));  // of two lines the first is warm-up
  CHECK(result["runs"][1]["predicted"] == json_of({"run", file, "--json"})["metrics"]["iteration_s"]);
  CHECK_THAT(result["runs"][2]["skipped"].get<std::string>(),
             Catch::Contains("3"));  // three does not divide the devices
  CHECK(result["overall"]["simulated"] == 3);

  const std::string iterations = folder.write("steps.csv", "n,t\n1,9\n2,2\n3,2.1\n4,1.9\n");
  const Json one = json_of({"validate", "--scenario", file, "--log", iterations, "--column", "time_s=t", "--column",
                            "iteration=n", "--warm-up", "1", "--json"});
  REQUIRE(one["runs"].size() == 1);
  CHECK(one["runs"][0]["measured"] == Approx(2));
}

TEST_CASE("logs and mappings that cannot be used end with exit code 2 and say what is wrong where") {
  const Folder folder;
  const std::string file = folder.write("own.json", scenario), log = folder.write("train.log", log_of(40, 1500, 2));
  const std::string csv = folder.write("runs.csv", "tp,ms\n1,1400\n2,1.4.0\n");
  const auto refused = [&](std::vector<std::string> arguments, const std::string& what) {
    arguments.insert(arguments.begin(), "validate");
    const auto outcome = run_orrery(arguments);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, Catch::Contains(what));
  };
  refused({}, "--scenario and --log");
  refused({"--log", log}, "--scenario");
  refused({"--scenario", file}, "--log");
  refused({"--scenario", file, "--log", folder.path("none.log")}, "none.log");
  refused({"--scenario", file, "--log", folder.path("")}, "a folder");
  refused({"--scenario", file, "--log", folder.write("bare.log", "started\nkilled\n")}, "none in 2 lines");
  refused({"--scenario", file, "--log", folder.write("own2.json", scenario), "--set", "/jobs/0/batch/global=63"}, "63");
  refused({"--scenario", file, "--log", csv, "--column", "time_ms=time"}, "\"time\"");
  refused({"--scenario", file, "--log", csv, "--column", "time_ms=time"}, "the columns are tp, ms");
  refused({folder.write("ar.txt",
                        "# nThread 1 nGpus 8\n  1024  256  float  sum  -1  10.0  0.1  0.2  0  10.0  0.1  0.2  0\n")},
          "orrery collective --topology MACHINE --log");
  refused({log}, "orrery validate --scenario SCENARIO --log");
  refused({folder.write("none.json", "{}"), "--plot", folder.path("x.png")}, "/format");
  refused({"--scenario", file, "--log", log, "--plot", folder.path("x.png")}, "ends with .svg");
  refused({"--scenario", file, "--log", csv, "--column", "time_ms=ms"}, "line 3");
  refused({"--scenario", file, "--log", csv, "--column", "times=ms"}, "time_s");
  refused({"--scenario", file, "--log", csv, "--column", "id=tp"}, "exactly one");
  refused({"--scenario", file, "--log", folder.write("empty.csv", ""), "--column", "time_ms=ms"}, "empty.csv");
}

TEST_CASE("measured files that are cut off, foreign, of another version or empty are refused by name") {
  const Folder folder;
  const auto refused = [&](const std::string& name, const std::string& content, const std::string& what) {
    const auto outcome = run_orrery({"validate", folder.write(name, content)});
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, Catch::Contains(name) && Catch::Contains(what));
  };
  refused("cut.json", R"({"format": "orrery/measured/1", "kind": "training", "runs": [{"id": "a", "dev)", "valid JSON");
  refused("foreign.json", R"({"results": []})", "/format");
  refused("newer.json", R"({"format": "orrery/measured/2", "kind": "training", "runs": []})", "orrery/measured/2");
  refused("empty.json", R"({"format": "orrery/measured/1", "kind": "training", "runs": []})", "at least one run");
  refused("list.json", R"({"format": "orrery/measured/1", "kind": "training", "runs": [3]})", "/runs/0");
  refused("table.json", R"({"format": "orrery/measured/1", "kind": "power", "data_file": "none.csv"})", "none.csv");
}

TEST_CASE("a library whose error bands are broken stops the command instead of skipping every row") {
  const Folder folder;
  std::filesystem::create_directories(folder.path("lib/kernels/calibration"));
  folder.write("lib/kernels/calibration/bands.json", R"({"name": "bands", "classes": 3})");
  const auto outcome = run_orrery(
      {"validate",
       std::string(ORRERY_SOURCE_DATA_DIR) + "/tests/validation/measured/training/korthikanti_2022_a100.json",
       "--library", folder.path("lib")});
  INFO(outcome.err);
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Catch::Contains("bands.json: at /"));
}

TEST_CASE("a column that points nowhere is refused with the nearest key") {
  const Folder folder;
  const std::string file = folder.write("own.json", scenario);
  const std::string csv = folder.write("runs.csv", "tp,ms\n1,1400\n2,800\n");
  const auto outcome = run_orrery({"validate", "--scenario", file, "--log", csv, "--column", "time_ms=ms", "--column",
                                   "/jobs/0/plan/tensors/x=tp"});
  INFO(outcome.err);
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err,
             Catch::Contains("--column /jobs/0/plan/tensors/x=tp") && Catch::Contains("did you mean \"tensor\""));
}

TEST_CASE("cells may be separated by semicolons or tabs, with decimal commas beside semicolons") {
  const Folder folder;
  const std::string file = folder.write("own.json", scenario);
  for (const char* text : {"n;t\n1;9,5\n2;2,0\n3;2,5\n", "n\tt\n1\t9.5\n2\t2\n3\t2.5\n"}) {
    const Json one = json_of({"validate", "--scenario", file, "--log", folder.write("steps.csv", text), "--column",
                              "time_s=t", "--column", "iteration=n", "--warm-up", "1", "--json"});
    CHECK(one["runs"][0]["measured"] == Approx(2.25));
  }
}

TEST_CASE("a CSV may count from zero and begin with a byte order mark") {
  const Folder folder;
  const std::string file = folder.write("own.json", scenario);
  const std::string steps = folder.write("steps.csv", "\xEF\xBB\xBFn,t\n0,9.5\n1,2\n2,2.5\n");
  const Json one = json_of({"validate", "--scenario", file, "--log", steps, "--column", "time_s=t", "--column",
                            "iteration=n", "--warm-up", "1", "--json"});
  CHECK(one["runs"][0]["measured"] == Approx(2.25));
}

TEST_CASE("runs of a CSV without a time are listed with what stands there, and an empty setting is told") {
  const Folder folder;
  const std::string file = folder.write("own.json", scenario);
  const std::string csv = folder.write("runs.csv", "tp,global,ms\n1,64,1900\n2,,1500\n4,64,OOM\n8,64,\n");
  const std::vector<std::string> call = {"validate",
                                         "--scenario",
                                         file,
                                         "--log",
                                         csv,
                                         "--column",
                                         "time_ms=ms",
                                         "--column",
                                         "/jobs/0/plan/tensor=tp",
                                         "--column",
                                         "/jobs/0/batch/global=global"};
  std::vector<std::string> as_json = call;
  as_json.emplace_back("--json");
  const Json result = json_of(as_json);
  CHECK(result["runs"][0]["measured"].get<double>() == Approx(1.9));
  CHECK(result["runs"][0]["log"]["warnings"].empty());  // a run of one line needs no warm-up
  CHECK_THAT(result["runs"][1]["log"]["warnings"][0].get<std::string>(), Catch::Contains("/jobs/0/batch/global"));
  CHECK_THAT(result["runs"][2]["skipped"].get<std::string>(), Catch::StartsWith("\"OOM\" for a time; predicted"));
  CHECK_THAT(result["runs"][3]["skipped"].get<std::string>(), Catch::StartsWith("nothing for a time"));
  CHECK_THAT(run_orrery(call).out, Catch::Contains("OOM"));
}

TEST_CASE("lines of a run are one run whatever spaces its cells have, and those without a time are told") {
  const Folder folder;
  const std::string file = folder.write("own.json", scenario);
  const auto validated = [&](const char* csv) {
    return run_orrery({"validate", "--scenario", file, "--log", folder.write("runs.csv", csv), "--column",
                       "time_ms= ms", "--column", "/jobs/0/plan/tensor=tp", "--json"});
  };
  const Json runs = Json::parse(validated("tp, ms\n2,1900\n2 ,1900\n2,OOM\n 2,OOM\n").out)["runs"];
  REQUIRE(runs.size() == 1);
  CHECK(runs[0]["measured"].get<double>() == Approx(1.9));
  CHECK_THAT(runs[0]["log"]["warnings"].dump(), Catch::Contains("2 more lines have \\\"OOM\\\" for a time"));
  CHECK(validated("tp,ms\n2,OOM\n4,\n").exit_code == 0);  // that it does not fit is an answer
  const auto words = validated("tp,ms\n2,node-a\n4,node-b\n");
  CHECK(words.exit_code == 2);
  CHECK_THAT(words.err, Catch::Contains("expected a line with a time, found words only, such as \"node-a\""));
}

TEST_CASE("a log whose world is divided otherwise than the scenario's is compared with a warning") {
  const Folder folder;
  const std::string file = folder.write("own.json", scenario);
  const std::string log = folder.write(
      "train.log", "using world size: 8, data-parallel size: 2, tensor-model-parallel size: 4\n" + log_of(40, 1500, 2));
  const Json warnings = json_of({"validate", "--scenario", file, "--log", log, "--json"})["runs"][0]["log"]["warnings"];
  CHECK_THAT(warnings.dump(), Catch::Contains("/jobs/0/plan/tensor 4, the scenario has 2") &&
                                  Catch::Contains("/jobs/0/plan/data 2, the scenario has 4"));
}
