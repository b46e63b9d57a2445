// What the user wrote: a machine, the jobs on it, and how to simulate them. Read with every named part resolved; never
// changed afterwards.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kernels/collectives/collective.hpp"
#include "models/optimizer.hpp"
#include "models/parallelism/plan.hpp"
#include "models/software.hpp"
#include "models/transformer.hpp"
#include "scenarios/collective_spec.hpp"
#include "scenarios/cost_spec.hpp"
#include "scenarios/reliability_spec.hpp"
#include "sim/spec.hpp"
#include "topologies/cluster_spec.hpp"

namespace orrery {

struct Placement {  // devices of a job, numbered over the whole cluster
  std::int64_t first = 0, count = 0;
};

struct JobSpec {
  std::string name = "train";
  TransformerModel model;
  DataType precision = DataType::bf16;
  Batch batch;
  Plan plan;
  SoftwareProfile software;
  Optimizer optimizer;
  std::vector<CollectiveSpec> collectives;  // schedules of the user's own
  std::optional<Placement>
      placement;  // absent: the devices after the previous job; the last job takes all that are left
  std::optional<double> training_tokens;
};

enum class Fidelity { flow, analytic };
template <> struct EnumNames<Fidelity> {
  static constexpr std::array<std::string_view, 2> names = {"flow", "analytic"};
};
template <> struct EnumNames<CollectiveDetail> {
  static constexpr std::array<std::string_view, 2> names = {"flow", "step"};
};

struct SimulateSpec {
  Fidelity fidelity = Fidelity::flow;
  // To be measured of each job; absent: 1, which is exact where nothing differs between them, and 4 of the slowest job
  // where several share a network (each then repeats its iterations, after one that is not counted, until all are done).
  std::optional<int> iterations;
  bool fold = true;
  CollectiveDetail collective_detail = CollectiveDetail::flow;
};

struct Scenario {
  std::string format = "scenario/1";  // JSON key "orrery"
  std::string name, description;
  ClusterSpec cluster;
  std::vector<JobSpec> jobs;
  SimulateSpec simulate;
  std::optional<CostSpec> cost;                // absent: the devices' own rental prices, where they state one
  std::optional<ReliabilitySpec> reliability;  // absent: nothing fails
  Json sources;
};

void fields(Fields&, Placement&);
void fields(Fields&, JobSpec&);
void fields(Fields&, SimulateSpec&);
void fields(Fields&, Scenario&);

// A scenario document with the file it came from (for messages and to resolve names beside it).
struct ScenarioDocument {
  Json json;
  std::filesystem::path file;
};

// Reads a file, or a scenario of the library by name.
ScenarioDocument load_scenario_document(const std::string& file_or_name, const Library&);
// All faults at once; names resolve beside the scenario first.
Scenario read_scenario(const ScenarioDocument&, const Library&);

}  // namespace orrery
