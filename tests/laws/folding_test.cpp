#include <catch2/catch.hpp>

#include "tests/support/same_metrics.hpp"

using namespace orrery;
using orrery::testing::plan;
using orrery::testing::require_equal;
using orrery::testing::SmallScenario;
using orrery::testing::Wiring;

namespace {

std::vector<SmallScenario> strategies() {
  std::vector<SmallScenario> all;
  const auto add = [&](Plan p, Json software = Json::object(), Json model = Json::object()) {
    SmallScenario s;
    s.plan = p;
    s.more_software = software;
    s.more_model = model;
    all.push_back(s);
  };
  add(plan(16, 1, 1));
  add(plan(16, 1, 1), {{"gradient_overlap", true}});
  add(plan(4, 4, 1));
  add(plan(2, 2, 4));
  add(plan(4, 1, 4));
  add(plan(2, 4, 2, 1));
  add(plan(8, 1, 2, 1, 2));
  add(plan(16, 1, 1, 2));
  add(plan(16, 1, 1, 3));
  add(plan(4, 2, 2, 3));
  Plan sequence = plan(2, 4, 2);
  sequence.sequence_parallel = true;
  sequence.recompute = Recompute::selective;
  add(sequence, {{"tensor_overlap", true}});
  Plan sharded = plan(16, 1, 1, 3);
  sharded.zero_group = 4;
  add(sharded);
  Plan context = plan(4, 2, 1);
  context.context = 2;
  add(context);
  const Json experts = {{"experts", {{"count", 8}, {"active", 2}, {"ffn_hidden", 512}}}};
  for (const int zero :
       {0, 1, 3}) {  // experts and other parameters have different replicas, gathered one after the other
    Plan routed = plan(8, 1, 2, zero);
    routed.expert = 2;
    add(routed, {{"parameter_gather_overlap", zero == 1}}, experts);
  }
  return all;
}

// `nodes` of the library, one pool each, and a small transformer.
Scenario on_shipped_nodes(const std::vector<std::pair<const char*, int>>& nodes, const Json& fabric, const Json& plan,
                          const char* software, const Json& more_model = Json::object()) {
  Json pools = Json::array();
  for (const auto& [node, count] : nodes) pools.push_back({{"node", node}, {"count", count}, {"name", node}});
  Json model = {{"name", "small"},    {"layers", 2},      {"hidden", 2048},         {"heads", 8},
                {"vocabulary", 1024}, {"sequence", 1024}, {"tied_embeddings", true}};
  model.update(more_model);
  const Json job = {{"model", model},
                    {"precision", "fp16"},
                    {"batch", {{"global", 24}, {"micro", 1}}},
                    {"plan", plan},
                    {"software", software}};
  return read_scenario({{{"orrery", "scenario/1"},
                         {"name", "small"},
                         {"cluster", {{"pools", pools}, {"fabric", fabric}}},
                         {"jobs", {job}}},
                        "test.json"},
                       Library::installed());
}

void require_folded_equals_unfolded(Scenario scenario) {
  const auto metrics = [&](bool fold) {
    scenario.simulate.fold = fold;
    return run_scenario(scenario, "test.json", Library::installed()).metrics;
  };
  require_equal(metrics(true), metrics(false));
}

}  // namespace

// The rings of one group and those of several meet on another link: two rings of a DGX-1 enter a NIC that none of them
// fills alone. What each gets there may not depend on how many are written as one.
TEST_CASE("folded equals unfolded where groups that are folded share a NIC that limits none of them alone") {
  const Json one_switch = {{"kind", "single-switch"}};
  for (const int nodes : {2, 3})
    require_folded_equals_unfolded(on_shipped_nodes({{"dgx1-v100", nodes}}, one_switch,
                                                    {{"tensor", 2}, {"context", 2}, {"sequence_parallel", true}},
                                                    "megatron-bridge", {{"layers", 8}}));
  require_folded_equals_unfolded(on_shipped_nodes(
      {{"dgx-a100-80gb", 1}, {"a100-pcie-80gb-8", 1}}, {{"kind", "single-switch"}, {"link", "infiniband-hdr-200"}},
      {{"tensor", 2}, {"zero_stage", 1}}, "megatron-core-0.8", {{"sequence", 256}}));
}

TEST_CASE("folded equals unfolded in the analytic evaluator where groups choose by their bytes what they run") {
  Scenario s = on_shipped_nodes({{"dgx-h100", 2}}, {{"kind", "dragonfly"}},
                                {{"tensor", 4}, {"zero_stage", 3}, {"recompute", "selective"}}, "megatron-lm-2022",
                                {{"layers", 12}, {"hidden", 1024}, {"sequence", 256}});
  s.simulate.fidelity = Fidelity::analytic;
  require_folded_equals_unfolded(s);
}

TEST_CASE("folded equals unfolded in every metric for every strategy on one switch") {
  for (SmallScenario s : strategies()) {
    CAPTURE(write_spec(s.plan).dump(), s.more_model.dump());
    const ScenarioRun folded = orrery::testing::run(s);
    s.fold = false;
    const ScenarioRun whole = orrery::testing::run(s);
    REQUIRE(folded.jobs[0].classes < whole.jobs[0].classes);
    require_equal(folded.metrics, whole.metrics);
  }
}

TEST_CASE("folded equals unfolded beside a slow NIC, in what is bubble and what is waiting too") {
  for (SmallScenario s : strategies())
    for (const char* fidelity : {"flow", "analytic"}) {
      CAPTURE(write_spec(s.plan).dump(), s.more_model.dump(), fidelity);
      s.fidelity = fidelity;
      Scenario scenario = orrery::testing::make(s);
      scenario.cluster.degraded.emplace_back();
      scenario.cluster.degraded.back().at = "nic 1";
      scenario.cluster.degraded.back().rate = 0.3;
      const Metrics folded = run_scenario(scenario, "test.json", Library::installed()).metrics;
      scenario.simulate.fold = false;
      require_equal(folded, run_scenario(scenario, "test.json", Library::installed()).metrics);
    }
}

TEST_CASE("folded equals unfolded on fat-trees of two and three levels with replicas on both sides of the spine") {
  for (Wiring wiring : {Wiring::fat_tree, Wiring::oversubscribed_tree, Wiring::three_level_tree})
    for (SmallScenario s : strategies()) {
      CAPTURE(write_spec(s.plan).dump(), static_cast<int>(wiring));
      s.wiring = wiring;
      const ScenarioRun folded = orrery::testing::run(s);
      s.fold = false;
      require_equal(folded.metrics, orrery::testing::run(s).metrics);
    }
}

TEST_CASE("folded equals unfolded with hashed routes, which split what they touch") {
  for (Wiring wiring : {Wiring::oversubscribed_tree, Wiring::three_level_tree})
    for (SmallScenario s : strategies()) {
      CAPTURE(write_spec(s.plan).dump(), static_cast<int>(wiring));
      s.wiring = wiring;
      s.ecmp = "hash";
      const ScenarioRun folded = orrery::testing::run(s);
      s.fold = false;
      require_equal(folded.metrics, orrery::testing::run(s).metrics);
    }
}

TEST_CASE("a second job on the same links unfolds what it meets, and folded equals unfolded for both") {
  for (bool oversubscribed : {false, true}) {
    SmallScenario s;
    s.plan = plan(4, 2, 1);
    s.wiring = oversubscribed ? Wiring::oversubscribed_tree : Wiring::fat_tree;
    s.global_batch = 16;
    Scenario both = orrery::testing::make(s);
    both.jobs.push_back(both.jobs[0]);
    both.jobs[1].name = "other";
    both.jobs[0].placement = Placement{4, 8};  // half of a leaf, and one of the next
    both.jobs[1].placement = Placement{12, 4};
    both.jobs[1].plan = plan(4, 1, 1);
    const auto metrics = [&](bool fold) {
      both.simulate.fold = fold;
      return run_scenario(both, "test", Library::installed()).metrics;
    };
    require_equal(metrics(true), metrics(false));
  }
}

TEST_CASE(
    "folded equals unfolded in every metric, the causes of idle time included, whatever the plan that stragglers hold "
    "up") {
  for (SmallScenario s : strategies())
    for (const std::vector<int>& slow : {std::vector<int>{5}, {6, 7}, {9, 10}}) {
      CAPTURE(write_spec(s.plan).dump(), s.more_model.dump(), slow);
      s.more_software.update({{"host_forward_per_layer", "0 s"}, {"host_backward_per_layer", "0 s"}});
      s.slow_devices = slow;
      s.fold = true;
      const ScenarioRun folded = orrery::testing::run(s);
      s.fold = false;
      require_equal(folded.metrics, orrery::testing::run(s).metrics);
    }
}

TEST_CASE("folded equals unfolded in the analytic evaluator too, also where all ranks of a node share its only NIC") {
  for (const int nics : {1, 4})
    for (const Wiring wiring : {Wiring::one_switch, Wiring::oversubscribed_tree})
      for (SmallScenario s : strategies())
        for (const std::vector<int>& slow : {std::vector<int>{}, {5}}) {
          CAPTURE(nics, static_cast<int>(wiring), write_spec(s.plan).dump(), s.more_model.dump(), slow);
          s.fidelity = "analytic";
          s.wiring = wiring;
          s.nics = nics;
          s.slow_devices = slow;
          const ScenarioRun folded = orrery::testing::run(s);
          s.fold = false;
          require_equal(folded.metrics, orrery::testing::run(s).metrics);
        }
}

// In the flow model it may: ranks that it brings out of step no longer meet on their NIC.
TEST_CASE("a slowed device never shortens a step of the analytic evaluator, however it divides what was folded") {
  for (SmallScenario s : strategies()) {
    CAPTURE(write_spec(s.plan).dump(), s.more_model.dump());
    s.fidelity = "analytic";
    s.nics = 1;
    const double even = orrery::testing::run(s).metrics.jobs[0].iteration_s;
    s.slow_devices = {5};
    REQUIRE(orrery::testing::run(s).metrics.jobs[0].iteration_s >= even * (1 - 1e-9));
  }
}

TEST_CASE("a slowed device changes the answer and unfolds what it touches") {
  SmallScenario s;
  s.plan = plan(4, 2, 2);
  s.more_software = {{"host_forward_per_layer", "0 s"},
                     {"host_backward_per_layer", "0 s"}};  // else the host sets the pace
  const ScenarioRun even = orrery::testing::run(s);
  s.slow_devices = {5};
  const ScenarioRun uneven = orrery::testing::run(s);
  REQUIRE(uneven.metrics.jobs[0].iteration_s > 1.1 * even.metrics.jobs[0].iteration_s);
  REQUIRE(uneven.jobs[0].classes > even.jobs[0].classes);
  s.fold = false;
  require_equal(uneven.metrics, orrery::testing::run(s).metrics);
}
