#include "models/parallelism/step_context.hpp"

#include <cmath>
#include <numeric>

#include "sim/error.hpp"

namespace orrery {

namespace {

EmitterSettings settings(const TrainingJob& job, const LoweringOptions& options, bool survey) {
  EmitterSettings s;
  s.detail = options.detail;
  s.analytic = options.analytic;
  s.job = options.job;
  s.survey = survey;
  s.blocking_launches = job.software.blocking_launches;
  s.costs = options.costs;
  s.dispatch = token_dispatch(job.model, job.software);
  return s;
}

}  // namespace

StepLowering::StepLowering(const Cluster& cluster, CollectivePlanner& planner, const TrainingJob& j,
                           const std::vector<DeviceId>& devices, const RankGrid& grid, const Folding& folding,
                           const LoweringOptions& options, bool survey)
    : job(j),
      context{job.model, job.plan, job.software, job.precision, job.optimizer},
      emitter(cluster, planner, devices, grid, folding, settings(j, options, survey)) {
  make_chunks();
  const auto prepare = [&](const LayerSteps& forward, const LayerSteps& backward, double saved, double working) {
    return UnitSteps{emitter.prepare(forward), emitter.prepare(backward), saved, working};
  };
  const auto prepare_layer = [&](LayerKind kind, Recompute r) {
    return prepare(layer_forward(context, kind), layer_backward(context, kind, r),
                   layer_activation_bytes(context, kind, r), layer_working_bytes(context, kind, r));
  };
  const Recompute r = job.plan.recompute, when_recomputed = r == Recompute::partial ? Recompute::full : r;
  embedding_ = prepare(embedding_forward(context), embedding_backward(context), 0, 0);
  head_ = prepare(head_forward(context), head_backward(context), head_activation_bytes(context), 0);
  for (const LayerGroup& group : layer_groups(job.model)) {
    LayerVariant variant{group.kind, prepare_layer(group.kind, Recompute::none), {}};
    if (when_recomputed != Recompute::none) variant.recomputed = prepare_layer(group.kind, when_recomputed);
    layers_.push_back(std::move(variant));
  }
}

namespace {

Unit unit_of(Unit::Kind kind, double parameters) {
  Unit unit;
  unit.kind = kind;
  unit.parameters = parameters;
  return unit;
}

}  // namespace

Unit StepLowering::layer_unit(int layer) const {
  const ResolvedPlan& plan = job.plan;
  Unit unit;
  unit.layer = layer;
  unit.layer_kind = layer_kind(job.model, layer);
  unit.parameters = shared_layer_parameters(job.model, unit.layer_kind, plan.tensor);
  if (!unit.layer_kind.experts) return unit;
  const double experts = expert_parameters(job.model) / (plan.expert * plan.expert_tensor);
  unit.parameters += experts;
  // Where expert and ordinary parameters have the same replicas they are reduced and sharded together.
  if (plan.expert * plan.expert_tensor != plan.tensor) unit.experts = experts;
  return unit;
}

namespace {

// Layers of every chunk, so that all chunks together have their share of all layers. They are dealt to the stages in turn, and in
// a stage to its first chunk first, so that a larger share only adds layers.
std::vector<int> share_of_chunks(double share, const std::vector<int>& layers, int stages) {
  std::vector<int> chosen(layers.size());
  auto left = std::lround(share * std::accumulate(layers.begin(), layers.end(), 0));
  for (int stage = 0; left > 0; stage = (stage + 1) % stages)
    for (auto c = static_cast<std::size_t>(stage); c < layers.size(); c += static_cast<std::size_t>(stages)) {
      if (chosen[c] == layers[c]) continue;
      ++chosen[c];
      --left;
      break;
    }
  return chosen;
}

}  // namespace

void StepLowering::make_chunks() {
  const std::vector<int> layers = split_layers(job.model, job.plan);
  const double t = job.plan.tensor, h = job.model.hidden;
  const double table = static_cast<double>(context.padded_vocabulary()) * h / t;
  const ResolvedPlan& plan = job.plan;
  const double recompute = plan.recompute == Recompute::none ? 0 : plan.recompute_fraction;
  const std::vector<int> recomputed = share_of_chunks(recompute, layers, plan.pipeline),
                         offloaded = share_of_chunks(plan.offload.activations, layers, plan.pipeline);
  int next_layer = 0;
  for (std::size_t c = 0; c < layers.size(); ++c) {
    std::vector<Unit> units;
    const bool first = c == 0, last = c + 1 == layers.size();
    if (first) units.push_back(unit_of(Unit::Kind::embedding, table + job.model.learned_positions * h));
    for (int i = 0; i < layers[c]; ++i) {
      units.push_back(layer_unit(next_layer++));
      units.back().recomputed = i < recomputed[c];
      units.back().offloaded = i < offloaded[c];
    }
    const bool own_table = !job.model.tied_embeddings || job.plan.pipeline > 1;
    const double norm = (job.model.normalization == Normalization::layernorm ? 2 : 1) * h;
    if (last) units.push_back(unit_of(Unit::Kind::head, (own_table ? table : 0) + norm));
    chunks.push_back(std::move(units));
  }
}

const UnitSteps& StepLowering::steps(const Unit& unit) const {
  if (unit.kind == Unit::Kind::embedding) return embedding_;
  if (unit.kind == Unit::Kind::head) return head_;
  for (const LayerVariant& variant : layers_)
    if (variant.kind == unit.layer_kind) return unit.recomputed ? variant.recomputed : variant.kept;
  ORRERY_CHECK(false, "layer {} is of no kind that was prepared", unit.layer);
}

double StepLowering::chunk_parameters(int chunk) const {
  double sum = 0;
  for (const Unit& unit : chunks[static_cast<std::size_t>(chunk)]) sum += unit.parameters;
  return sum;
}

double StepLowering::stage_parameters(int stage) const {
  double sum = 0;
  for (int c = stage; c < chunk_count(); c += job.plan.pipeline) sum += chunk_parameters(c);
  return sum;
}

double StepLowering::stage_experts(int stage) const {
  double sum = 0;
  for (int c = stage; c < chunk_count(); c += job.plan.pipeline)
    for (const Unit& unit : chunks[static_cast<std::size_t>(c)]) sum += unit.experts;
  return sum;
}

}  // namespace orrery
