// The shipped examples of optical circuits, regions, shared memory and SimGrid platforms, as a user runs them.
#include <catch2/catch.hpp>

#include "sim/json.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

Json run_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "run");
  arguments.push_back("--json");
  const Outcome outcome = run_orrery(arguments);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return parse_json(outcome.out, "output");
}

double iteration(std::vector<std::string> arguments) {
  return run_json(std::move(arguments))["metrics"]["iteration_s"].get<double>();
}

const std::string optical = "megatron-76b-64-a100-optical";
std::string reconfiguration(const char* time) {
  return std::string(R"(--set=/cluster/fabric/link={"base": "ocs-palomar", "reconfiguration_time": ")") + time +
         R"("})";
}

}  // namespace

TEST_CASE(
    "circuits set per phase cost two settings an iteration, less what hides them, and pay while these are short") {
  const double fast = iteration({optical, reconfiguration("0 s")}), slow = iteration({optical, reconfiguration("1 s")}),
               slower = iteration({optical, reconfiguration("3 s")});
  // All that the passes need as the iteration begins, and all for gradients and parameters as the passes end.
  CHECK(slower - slow == Approx(2 * 2.0).epsilon(1e-6));
  CHECK(slow - fast < 2 * 1.0);
  CHECK(slow - fast > 1.0);
  const double never = iteration({optical, "--set=/cluster/fabric/options/reconfigure=never"});
  CHECK(fast < never);
  CHECK(slower > never);
}

TEST_CASE("a run on optical circuits says how often they were set and for how long transfers waited") {
  const Json document = run_json({optical});
  std::string notes;
  for (const Json& note : document["notes"]) notes += note.get<std::string>() + "\n";
  CHECK_THAT(notes, Contains("optical circuits: set anew"));
}

TEST_CASE("too few circuits are an error with exit code 2, or are served in turn") {
  const std::string one = "--set=/cluster/fabric/options/cables_per_nic=1";
  const Outcome outcome = run_orrery({"run", optical, one});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("/cluster/fabric/options") && Contains("peers"));
  CHECK(iteration({optical, one, "--set=/cluster/fabric/options/oversubscribed=in-turn"}) > 0);
}

TEST_CASE("two regions wait for the gradients that cross between them") {
  const std::string regions = "mpt-7b-two-regions";
  const double narrow = iteration({regions, "--set=/cluster/fabric/options/links=1"}),
               near = iteration({regions, "--set=/cluster/fabric/options/distance=0 km"}),
               far = iteration({regions, "--set=/cluster/fabric/options/distance=10000 km"});
  CHECK(narrow > iteration({regions}));
  CHECK(far > near);
  // Where nothing else counts: 6.65 billion gradients in fp32, each of two micro-batches, over 1 and over 2 GB/s, of
  // which 94.9 % are payload.
  const std::string slow =
      R"(--set=/cluster/fabric/link={"base": "wan-400zr-100km", "bandwidth_per_direction": "1 GB/s"})";
  const double one = iteration({regions, slow, "--set=/cluster/fabric/options/links=1"}),
               two = iteration({regions, slow, "--set=/cluster/fabric/options/links=2"});
  CHECK(one - two == Approx(2 * 4 * 6.65 * (1 - 0.5) / 0.949).epsilon(0.05));
}

TEST_CASE("the examples of shared memory and of a SimGrid platform run, and their topology is told") {
  for (const char* name : {"gpt3-13b-cxl-pool", "simgrid-two-clusters", "mpt-7b-two-regions", optical.c_str()}) {
    CHECK(iteration({name}) > 0);
    const Outcome outcome = run_orrery({"topology", name});
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
  }
  CHECK(iteration({"gpt3-13b-cxl-pool", "--set=/cluster/memory_pools/0/expanders=1"}) >
        iteration({"gpt3-13b-cxl-pool"}));
}
