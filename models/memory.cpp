#include "models/memory.hpp"

namespace orrery {

double layer_input_bytes(const StepContext& c) {
  const double rows = c.tokens() / (c.plan.sequence_parallel ? c.plan.tensor : 1);
  return rows * c.model.hidden * c.element();
}

double layer_activation_bytes(const StepContext& c, Recompute recompute) {
  if (recompute == Recompute::full) return layer_input_bytes(c);
  const TransformerModel& m = c.model;
  const double e = c.element(), t = c.plan.tensor, tokens = c.tokens();
  const double mask = c.software.dropout ? 1 : 0;
  const double outside = tokens * m.hidden * (4 * e + 2 * mask);  // inputs of norms and linear layers, dropout masks
  const double attention = tokens * e * (2.0 * m.query_width() + 2.0 * m.key_value_width()) / t;
  const double branches = m.gated_ffn ? 3 : 2;  // before (and between) and after the activation
  const double mlp = tokens * e * branches * m.ffn_width() / t;
  double scores = 0;
  if (c.software.attention == AttentionImplementation::unfused && recompute != Recompute::selective)
    scores = tokens * m.sequence * m.heads / t * ((c.software.dropout ? 2 : 1) * e + mask);
  const double shared = c.plan.sequence_parallel ? t : 1;
  return outside / shared + attention + mlp + scores;
}

double layer_working_bytes(const StepContext& c, Recompute recompute) {
  return recompute == Recompute::none
             ? 0
             : layer_activation_bytes(c, Recompute::none) - layer_activation_bytes(c, recompute);
}

double head_activation_bytes(const StepContext& c) {
  const double tokens = c.model.predicted_positions
                            ? static_cast<double>(c.plan.micro_batch) * *c.model.predicted_positions / c.plan.context
                            : c.tokens();
  // A compiler computes the loss from the 16-bit logits without keeping an fp32 copy.
  return tokens * static_cast<double>(c.padded_vocabulary()) / c.plan.tensor *
         (c.element() + (c.software.compiled ? 0 : 4));
}

ParameterBytes parameter_bytes(const StepContext& c, double n) {
  const int zero = c.plan.zero_stage;
  const double group = c.plan.zero_group;
  const bool full_precision = c.element() >= 4;
  ParameterBytes b;
  b.weights = n * c.element() / (zero >= 3 ? group : 1);
  b.gradients = n * (c.software.gradients_in_fp32 ? 4 : c.element()) / (zero >= 2 ? group : 1);
  b.optimizer = n * (full_precision ? 8 : 12) / (zero >= 1 ? group : 1);
  return b;
}

}  // namespace orrery
