// From a scenario to metrics: build the cluster, place and lower the jobs, simulate, measure. The composition of
// everything, and nothing else.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analysis/metrics.hpp"
#include "models/parallelism/lower.hpp"
#include "scenarios/scenario.hpp"
#include "sim/cost_model.hpp"
#include "sim/network_item.hpp"
#include "sim/timeline.hpp"

namespace orrery {

struct ScenarioRun {
  Cluster cluster;
  std::vector<NetworkItem> network;  // what its fabric is built of
  std::unique_ptr<CostModel> costs;
  std::vector<LoweredJob> jobs;
  std::vector<JobFacts> facts;
  Timeline timeline;
  Metrics metrics;
  std::vector<std::string> notes;     // what was folded and how the model was applied
  std::vector<std::string> warnings;  // what the user should know before trusting the numbers
};

// Throws SpecError for what only shows when parts meet (degrees that do not multiply to the devices, a precision that the
// device lacks); `file` names the scenario in messages.
ScenarioRun run_scenario(const Scenario&, const std::string& file, const Library&);
// The share of its memory that the fullest device needs, told by the lowered jobs alone; 0 where no capacity is known.
double memory_share(const Scenario&, const std::string& file, const Library&);
// Everything up to simulation but the lowering: `orrery check`.
struct ScenarioSummary {
  std::size_t devices = 0, jobs = 0, ranks = 0;
};
ScenarioSummary check_scenario(const Scenario&, const std::string& file, const Library&);

// The result document of architecture section 6, without "provenance".
Json result_json(const Scenario&, const ScenarioRun&);

}  // namespace orrery
