// A memory pool with more put into it than it holds: exit code 3, and the missing bytes said wherever a result is read.
#include <catch2/catch.hpp>

#include "sim/json.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

TEST_CASE("a pool that is over-subscribed is infeasible with its shortfall, one that is not says how full it is") {
  const Outcome fits = run_orrery({"run", "gpt3-13b-cxl-pool"});
  CHECK(fits.exit_code == 0);
  CHECK_THAT(fits.out, Contains("memory pool") && Contains("in the fullest of"));
  const Outcome short_of = run_orrery(
      {"run", "gpt3-13b-cxl-pool", "--json", "--set", "/cluster/memory_pools/0/capacity=4 GB"});
  CHECK(short_of.exit_code == 3);
  CHECK_THAT(short_of.err, Contains("infeasible") && Contains("memory pool") && Contains("short"));
  const Json metrics = parse_json(short_of.out, "output")["metrics"];
  CHECK(metrics["feasible"] == false);
  const Json& pool = metrics["memory_pools"];
  CHECK(pool["too_small"].get<int>() > 0);
  CHECK(pool["shortfall_bytes"].get<double>() ==
        Approx(pool["peak_bytes"].get<double>() - pool["capacity_bytes"].get<double>()));
}

TEST_CASE("how full a pool is can be kept by a sweep") {
  const Folder folder;
  const std::string file = folder.write("sweep.json", R"({
    "orrery": "sweep/1", "base": "gpt3-13b-cxl-pool",
    "axes": [{"path": "/cluster/memory_pools/0/expanders", "values": [8]}],
    "metrics": ["/jobs/0/metrics/memory_pools/peak_bytes"]})");
  const Outcome outcome = run_orrery({"sweep", file, "--out", folder.path("out")});
  CHECK(outcome.exit_code == 0);
  const Outcome table = run_orrery({"export", folder.path("out"), "--json"});
  INFO(outcome.err << table.err);
  CHECK(
      parse_json(table.out, "output")["points"][0]["metrics"]["/jobs/0/metrics/memory_pools/peak_bytes"].get<double>() >
      1e9);
}
