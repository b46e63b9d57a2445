// Lowers one synchronous training step of a transformer into a Program: the pipeline schedule orders the passes, layer
// steps fill them, and each further dimension adds its own transfers (data_parallel, fully_sharded, offload, pipeline messages).
// One Program is one iteration; iterations are separated by a barrier (the optimizer needs the global gradient norm), so
// the time of one simulated iteration is the steady-state period.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/collective_shape.hpp"
#include "models/layer_steps.hpp"
#include "models/parallelism/folding.hpp"
#include "sim/cluster.hpp"
#include "sim/program.hpp"

namespace orrery {

class CostModel;

struct TrainingJob {
  TransformerModel model;
  ResolvedPlan plan;
  SoftwareProfile software;
  DataType precision = DataType::bf16;
  Optimizer optimizer = {};
  UserSchedules schedules = {};  // that its collectives run as where they fit one (kernels/collectives/planner.hpp)
};

struct LoweringOptions {
  bool fold = true;
  CollectiveDetail detail = CollectiveDetail::flow;
  bool analytic = false;  // for the analytic evaluator, in which Transfers do not meet: tells it which move together
  std::uint16_t job = 0;
  const LinkUse* all_jobs = nullptr;  // what all jobs put on links, this one too; null: there are no others
  const CostModel* costs = nullptr;   // of the cluster's devices (EmitterSettings::costs)
};

struct LoweredJob {
  std::shared_ptr<const Program> program;
  std::size_t ranks = 0, classes = 0;     // classes < ranks: folded
  std::set<CollectiveShape> collectives;  // that it runs
};

// `devices`: the device of each rank, in rank order; plan.ranks() of them.
LoweredJob lower_training(const Cluster&, const TrainingJob&, const std::vector<DeviceId>& devices,
                          const LoweringOptions&);
// What a job sends, to tell jobs beside it.
JobTraffic traffic_of(const Cluster&, const TrainingJob&, const std::vector<DeviceId>& devices, const LoweringOptions&);

}  // namespace orrery
