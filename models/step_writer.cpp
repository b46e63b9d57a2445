#include "models/step_writer.hpp"

#include <algorithm>

namespace orrery {

StepWriter::StepWriter(const StepContext& c, Phase phase)
    : context(c),
      model(c.model),
      software(c.software),
      e(c.element()),
      t(c.plan.tensor),
      tokens(static_cast<std::int64_t>(c.tokens())),
      rows(c.plan.sequence_parallel ? tokens / t : tokens),
      h(c.model.hidden),
      q(c.model.query_width() / t),
      kv(std::max(c.model.key_value_width() / t, static_cast<std::int64_t>(c.model.head_width()))),
      f(c.model.ffn_width() / t),
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

void StepWriter::collective(CollectiveKind kind, Stream stream, double bytes, bool asynchronous) {
  const int degree = stream == Stream::context ? context.plan.context : context.plan.tensor;
  if (degree == 1) return;
  LayerStep step;
  step.kind = LayerStep::Kind::collective;
  step.phase = phase_;
  step.collective = kind;
  step.stream = stream;
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
  for (LayerStep& step : steps_)
    if (step.phase == phase)
      for (Kernel& k : step.kernels) k.host_s = total.value * k.launches / launches;
}

}  // namespace orrery
