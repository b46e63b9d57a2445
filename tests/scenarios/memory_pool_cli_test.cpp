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
