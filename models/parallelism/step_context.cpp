#include "models/parallelism/step_context.hpp"

#include <cmath>

namespace orrery {

StepLowering::StepLowering(const Cluster& cluster, const TrainingJob& j, const std::vector<DeviceId>& devices,
                           const RankGrid& grid, const Folding& folding, const LoweringOptions& options)
    : job(j),
      context{job.model, job.plan, job.software, job.precision},
      emitter(cluster, devices, grid, folding, {options.detail, options.job}) {
  make_chunks();
  const auto prepare = [&](const LayerSteps& forward, const LayerSteps& backward, double saved, double working) {
    return UnitSteps{emitter.prepare(forward), emitter.prepare(backward), saved, working};
  };
  const Recompute r = job.plan.recompute, when_recomputed = r == Recompute::partial ? Recompute::full : r;
  embedding_ = prepare(embedding_forward(context), embedding_backward(context), 0, 0);
  head_ = prepare(head_forward(context), head_backward(context), head_activation_bytes(context), 0);
  layer_ = prepare(layer_forward(context), layer_backward(context, Recompute::none),
                   layer_activation_bytes(context, Recompute::none), 0);
  if (when_recomputed != Recompute::none)
    recomputed_layer_ = prepare(layer_forward(context), layer_backward(context, when_recomputed),
                                layer_activation_bytes(context, when_recomputed),
                                layer_working_bytes(context, when_recomputed));
}

void StepLowering::make_chunks() {
  const std::vector<int> layers = split_layers(job.model, job.plan);
  const double t = job.plan.tensor, h = job.model.hidden;
  const double table = static_cast<double>(context.padded_vocabulary()) * h / t;
  int next_layer = 0;
  for (std::size_t c = 0; c < layers.size(); ++c) {
    std::vector<Unit> units;
    const bool first = c == 0, last = c + 1 == layers.size();
    if (first) units.push_back({Unit::Kind::embedding, -1, table + job.model.learned_positions * h, false});
    const auto recomputed = job.plan.recompute == Recompute::partial
                                ? static_cast<int>(std::lround(job.plan.recompute_fraction * layers[c]))
                                : (job.plan.recompute == Recompute::none ? 0 : layers[c]);
    for (int i = 0; i < layers[c]; ++i)
      units.push_back({Unit::Kind::layer, next_layer++, layer_parameters(job.model) / t, i < recomputed});
    const bool own_table = !job.model.tied_embeddings || job.plan.pipeline > 1;
    if (last) units.push_back({Unit::Kind::head, -1, (own_table ? table : 0) + 2 * h, false});
    chunks.push_back(std::move(units));
  }
}

const UnitSteps& StepLowering::steps(const Unit& unit) const {
  if (unit.kind == Unit::Kind::embedding) return embedding_;
  if (unit.kind == Unit::Kind::head) return head_;
  return unit.recomputed ? recomputed_layer_ : layer_;
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

}  // namespace orrery
