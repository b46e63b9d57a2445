// `orrery scale`: exit codes, what it prints and writes.
#include <algorithm>

#include <catch2/catch.hpp>

#include "sim/json.hpp"
#include "tests/scenarios/small_scenario.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

TEST_CASE("scale prints a table, and writes CSV and plot") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  const Outcome outcome = run_orrery(
      {"scale", file, "--devices", "4,8", "--csv", folder.path("s.csv"), "--plot", folder.path("s.svg")});
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("efficiency") && Contains("100 %"));
  CHECK_THAT(read_text(folder.path("s.csv")), Contains("scaling_efficiency"));
  CHECK_THAT(read_text(folder.path("s.svg")), Contains("ideal"));
}

TEST_CASE("scale --json prints one document with an efficiency for every size") {
  const Folder folder;
  const Outcome outcome = run_orrery(
      {"scale", folder.write("small.json", small_scenario), "--devices", "4..8", "--weak", "--json"});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err == "");
  const Json document = parse_json(outcome.out, "output");
  CHECK(document["scaling"] == "weak");
  REQUIRE(document["points"].size() == 2);
  CHECK(document["points"][0]["metrics"]["scaling_efficiency"] == 1);
  CHECK(document["points"][1]["scaling_efficiency"].get<double>() > 0);
}

TEST_CASE("bad usage of scale is one line and exit code 2") {
  const Folder folder;
  const std::string file = folder.write("small.json", small_scenario);
  const std::vector<std::vector<std::string>> wrong = {{"--devices", "8..4"},
                                                       {"--devices", "eight"},
                                                       {},
                                                       {"--devices", "3"},
                                                       {"--devices", "8", "--strong", "--weak"},
                                                       {"--devices", "8", "--baseline", "3"},
                                                       {"--devices", "8", "--csv", folder.path()},
                                                       {"--devices", "8", "--plot", file}};
  for (const auto& arguments : wrong) {
    std::vector<std::string> all = {"scale", file};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Outcome outcome = run_orrery(all);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    CHECK(outcome.out == "");
  }
  CHECK(read_text(file) == small_scenario);
}

TEST_CASE("scale ends with 3 when no size fits in memory") {
  const Folder folder;
  const Outcome outcome = run_orrery({"scale", folder.write("small.json", small_scenario), "--devices", "8", "--set",
                                      "/cluster/pools/0/node/device/memory/capacity=10 MB"});
  CHECK(outcome.exit_code == 3);
  CHECK_THAT(outcome.out, Contains("does not fit"));
}
