// Degraded cables from the command line: they change the answer, folded or not, and faults name the place in the file.
#include <catch2/catch.hpp>

#include "sim/json.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

double iteration(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "run");
  arguments.emplace_back("--json");
  const Outcome outcome = run_orrery(arguments);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return parse_json(outcome.out, "output")["metrics"]["iteration_s"].get<double>();
}

}  // namespace

TEST_CASE("one slow NIC slows the whole job, and folding does not hide it") {
  const double healthy = iteration({"megatron-175b-64-a100-selective"});
  const double slowed = iteration({"megatron-175b-64-a100-slow-nic"});
  CHECK(slowed > healthy * 1.01);
  CHECK(iteration({"megatron-175b-64-a100-slow-nic", "--set", "/simulate/fold=false"}) == Approx(slowed).epsilon(1e-9));
}

TEST_CASE("the topology command counts degraded links, and a cut-off device is an error with its place") {
  const Outcome outcome = run_orrery({"topology", "megatron-175b-64-a100-slow-nic"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("cables slowed, each way"));
  const Outcome cut = run_orrery({"topology", "tiny", "--set", R"(/cluster/degraded=[{"at": "device 0", "rate": 0}])"});
  CHECK(cut.exit_code == 2);
  CHECK_THAT(cut.err, Contains("/cluster/degraded") && Contains("cut off"));
}
