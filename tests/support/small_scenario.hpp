// Small machines and jobs for tests: A100 nodes of 4 under one switch or under a two-level fat-tree whose leaves hold
// two nodes each (so that eight nodes span four leaves) or a three-level one of a node per leaf, two leaves per pod and
// 4:1 oversubscription, and a transformer small enough to simulate in milliseconds.
#pragma once

#include "scenarios/run_scenario.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::testing {

enum class Wiring { one_switch, fat_tree, oversubscribed_tree, three_level_tree };

struct SmallScenario {
  Wiring wiring = Wiring::one_switch;
  int nodes = 4, nics = 4;  // per node
  Plan plan;
  std::int64_t global_batch = 32, micro_batch = 1;
  int layers = 8;
  bool fold = true;
  std::vector<int> slow_devices;
  std::string fidelity = "flow", detail = "flow", ecmp = "ideal", software = "megatron-lm-2021";
  Json more_software = Json::object();  // overrides of the profile
  Json more_model = Json::object();
};

Plan plan(int data, int tensor, int pipeline, int zero = 0, int virtual_pipeline = 1);
SmallScenario with(const Plan&, const std::string& fidelity = "flow");

Scenario make(const SmallScenario&);
ScenarioRun run(const SmallScenario&);

// Every number of the metrics document by its JSON pointer, except the counts of simulated events.
std::map<std::string, double> numbers(const Metrics&);

}  // namespace orrery::testing
