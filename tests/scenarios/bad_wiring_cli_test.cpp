// Wirings, plans and collectives that cannot be, as a user meets them: exit code 2, the place, what was expected and found.
#include <catch2/catch.hpp>

#include "tests/support/run_orrery.hpp"

using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

void refused(const std::vector<std::string>& arguments, const std::string& place, const std::string& found) {
  const Outcome outcome = run_orrery(arguments);
  INFO(outcome.err);
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.out.empty());
  CHECK_THAT(outcome.err, Contains(place) && Contains(found));
}

}  // namespace

TEST_CASE("a graph that leaves nodes apart is refused by topology, check and run") {
  const std::string custom = R"(--set=/cluster/fabric={"kind": "custom", "options": {"switches": 4, )"
                             R"("links": [[0, 1], [2, 3]], "attach": [0, 0, 1, 1, 2, 2, 3, 3]}})";
  for (const char* command : {"topology", "check", "run"})
    refused({command, "megatron-175b-64-a100-full", custom}, "/cluster/fabric/options/links", "disconnected");
}

TEST_CASE("a degree that the devices do not have is refused") {
  refused({"run", "tiny", "--set=/jobs/0/plan/tensor=3"}, "/jobs/0/plan", "3");
}

TEST_CASE("a link of zero bandwidth is refused where it is read") {
  const std::string zero =
      R"(--set=/cluster/fabric/link={"base": "infiniband-hdr-200", "bandwidth_per_direction": "0 GB/s"})";
  refused({"topology", "megatron-175b-64-a100-full", zero}, "/cluster/fabric/link/bandwidth_per_direction", "0");
}

TEST_CASE("an algorithm for powers of two is refused on six ranks") {
  refused({"collective", "all_gather", "--topology", "dgx-a100-80gb", "--devices", "6", "--bytes", "1M", "--algorithm",
           "halving-doubling"},
          "--algorithm", "4 and 8 devices");
}

TEST_CASE("torus dimensions that do not multiply to the devices are refused") {
  refused({"topology", "tpu-v4-4x4x4", "--set=/scale_up/dimensions=[4, 4, 3]"}, "/scale_up/dimensions", "48");
}
