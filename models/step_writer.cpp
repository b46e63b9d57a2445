#include "models/step_writer.hpp"

#include <algorithm>

namespace orrery {

StepWriter::StepWriter(const StepContext& c, Phase phase, LayerKind layer)
    : context(c),
      model(c.model),
      software(c.software),
      e(c.element()),
      t(c.plan.tensor),
      tokens(static_cast<std::int64_t>(c.tokens())),
      rows(c.plan.sequence_parallel ? tokens / t : tokens),
      h(c.model.hidden),
      q(c.model.query_width() / t),
      kv(key_value_width(c.model, t)),
      f(c.model.ffn_width(layer) / t),
      pairs(c.model.latent_attention ? c.model.key_value_pair_width() / t : 2 * kv),
      o(c.model.context_width() / t),
      kind(layer),
      branches(c.model.gated_ffn ? 2 : 1),
      linear(c.precision),
      other(c.activations()),
      biased(c.model.normalization == Normalization::layernorm),
      phase_(phase) {}

LayerStep& StepWriter::compute_step() {
  if (steps_.empty() || steps_.back().kind != LayerStep::Kind::compute || steps_.back().phase != phase_) {
    steps_.emplace_back();
    steps_.back().phase = phase_;
  }
  return steps_.back();
}

void StepWriter::kernel(Kernel k) { compute_step().kernels.push_back(k); }

void StepWriter::elementwise(double elements, double bytes_per_element, int launches) {
  if (bytes_per_element <= 0) return;
  kernel(orrery::elementwise(static_cast<std::int64_t>(elements), elements * bytes_per_element, elements, other,
                             launches));
}

namespace {

int degree(const ResolvedPlan& plan, Peers peers) {
  switch (peers) {
    case Peers::context:
      return plan.context;
    case Peers::experts:
      return plan.expert;
    case Peers::expert_tensor:
      return plan.expert_tensor;
    default:
      return plan.tensor;
  }
}

}  // namespace

void StepWriter::collective(CollectiveKind collective_kind, Peers peers, double bytes, bool asynchronous) {
  if (degree(context.plan, peers) == 1) return;
  LayerStep step;
  step.kind = LayerStep::Kind::collective;
  step.phase = phase_;
  step.collective = collective_kind;
  step.peers = peers;
  step.bytes = bytes;
  step.asynchronous = asynchronous;
  steps_.push_back(step);
}

void StepWriter::wait() {
  LayerStep step;
  step.kind = LayerStep::Kind::wait;
  step.phase = phase_;
  steps_.push_back(step);
}

void StepWriter::host_time(Phase phase, Seconds total) {
  double launches = 0;
  for (const LayerStep& step : steps_)
    if (step.phase == phase)
      for (const Kernel& k : step.kernels) launches += static_cast<double>(k.launches) * k.repeat;
  if (launches == 0) return;
  if (software.blocking_launches) {
    LayerStep step;
    step.phase = phase;
    step.kernels.push_back(orrery::elementwise(0, 0, 0, other, 0));
    step.kernels.back().host_s = total.value;
    steps_.push_back(step);
    return;
  }
  for (LayerStep& step : steps_)
    if (step.phase == phase)
      for (Kernel& k : step.kernels) k.host_s = total.value * k.launches / launches;
}

}  // namespace orrery
