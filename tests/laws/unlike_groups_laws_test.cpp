// Jobs whose groups are not alike: some cross from node to node and some do not, or nodes differ. What a rank does follows
// from its own groups, so it does not matter which of them comes first.
#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/support/small_scenario.hpp"

using namespace orrery;
using orrery::testing::make;
using orrery::testing::SmallScenario;

namespace {

// Eight ranks on two nodes of six, from device `first` on: 0 and 4 are mirror images.
Metrics on_six_and_two(SmallScenario s, std::int64_t first) {
  s.nodes = 2;
  Scenario scenario = make(s);
  scenario.cluster.pools[0].node.devices = 6;
  scenario.cluster.pools[0].node.nics->count = 6;
  scenario.jobs[0].placement = Placement{first, 8};
  return run_scenario(scenario, "test", Library::installed()).metrics;
}

SmallScenario tensor_groups(int data) {
  SmallScenario s;
  s.plan.data = data;
  s.plan.tensor = 4;
  s.more_software = {{"gradient_norm", false}};
  return s;
}

// A node whose devices share a quarter of the links.
PoolSpec slower(PoolSpec pool) {
  pool.name = "slower";
  pool.node.scale_up.links_per_device = 3;
  return pool;
}

double time_on(Scenario scenario, std::vector<PoolSpec> pools) {
  scenario.cluster.pools = std::move(pools);
  return run_scenario(scenario, "test", Library::installed()).metrics.jobs[0].iteration_s;
}

}  // namespace

TEST_CASE("a job mirrored on the machine takes the same time, host times and all") {
  for (const char* fidelity : {"flow", "analytic"}) {
    CAPTURE(fidelity);
    SmallScenario s = tensor_groups(2);
    s.fidelity = fidelity;
    const Metrics here = on_six_and_two(s, 0), mirrored = on_six_and_two(s, 4);
    REQUIRE(here.jobs[0].iteration_s == Approx(mirrored.jobs[0].iteration_s).epsilon(1e-9));
  }
}

TEST_CASE("mirrored experts get the same tokens, each of their groups what crosses among its own nodes") {
  SmallScenario s;
  s.plan.data = 8;
  s.plan.expert = 4;
  s.software = "megatron-bridge-moe";
  s.more_model = {{"experts", {{"count", 16}, {"active", 4}, {"ffn_hidden", 512}}}};
  const Metrics here = on_six_and_two(s, 0), mirrored = on_six_and_two(s, 4);
  REQUIRE(here.jobs[0].iteration_s == Approx(mirrored.jobs[0].iteration_s).epsilon(1e-9));
  REQUIRE(here.link_bytes == Approx(mirrored.link_bytes).epsilon(1e-9));
}

TEST_CASE("unlike nodes may be listed in any order, and beside a slower node a faster one never slows the step") {
  const Scenario scenario = make(tensor_groups(2));
  PoolSpec fast = scenario.cluster.pools[0];
  fast.count = 1;
  const PoolSpec slow = slower(fast);
  PoolSpec two_slow = slow;
  two_slow.count = 2;
  const double fast_first = time_on(scenario, {fast, slow});
  REQUIRE(fast_first == Approx(time_on(scenario, {slow, fast})).epsilon(1e-9));
  REQUIRE(fast_first <= time_on(scenario, {two_slow}) * (1 + 1e-9));
}

TEST_CASE("folded equals unfolded where groups of one family are not alike") {
  const Scenario scenario = make(tensor_groups(4));
  PoolSpec fast = scenario.cluster.pools[0];
  fast.count = 2;
  Scenario unlike = scenario;
  unlike.cluster.pools = {fast, slower(fast)};
  const double folded = time_on(unlike, unlike.cluster.pools);
  unlike.simulate.fold = false;
  REQUIRE(folded == Approx(time_on(unlike, unlike.cluster.pools)).epsilon(1e-6));
}

TEST_CASE("groups that a library serves by another algorithm still meet the others on the links that they share") {
  // With seven of its NICs failed one node's groups go another way than those of the other nodes.
  Json document = Json::parse(R"({
    "orrery": "scenario/1",
    "cluster": {"pools": [{"node": "dgx-a100-80gb", "count": 8}],
                "fabric": {"kind": "hyperx", "options": {"dimensions": [4, 2], "terminals_per_router": 8}}},
    "jobs": [{"model": {"layers": 2, "hidden": 2048, "heads": 16, "vocabulary": 32000, "sequence": 1024, "gated_ffn": true,
                        "tied_embeddings": false},
              "precision": "fp32", "batch": {"global": 32, "micro": 1}, "plan": {"tensor": 2, "context": 2},
              "software": "deepspeed-zero"}]})");
  const auto seconds = [&](const char* fidelity) {
    document["simulate"]["fidelity"] = fidelity;
    const Scenario scenario = read_scenario({document, "test.json"}, Library::installed());
    return run_scenario(scenario, "test.json", Library::installed()).metrics.jobs[0].iteration_s;
  };
  const double whole = seconds("analytic");
  document["cluster"]["degraded"] = Json::array();
  for (int nic = 0; nic < 7; ++nic)
    document["cluster"]["degraded"].push_back({{"at", "nic " + std::to_string(nic)}, {"rate", 0}});
  CHECK(seconds("analytic") > whole);
  CHECK(seconds("analytic") == Approx(seconds("flow")).epsilon(0.01));
}
