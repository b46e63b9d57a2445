#include "models/memory.hpp"

#include <algorithm>

#include "models/attention_steps.hpp"
#include "models/expert_steps.hpp"

namespace orrery {

double layer_input_bytes(const StepContext& c) {
  const double rows = c.tokens() / (c.plan.sequence_parallel ? c.plan.tensor : 1);
  return rows * c.model.hidden * c.element();
}

namespace {

// Bytes of a saved input of a linear layer.
double saved_element(const StepContext& c) {
  return c.software.saves_quantized ? std::min(c.element(), bytes_per_element(c.precision)) : c.element();
}

// Rows sent to experts are kept as they arrive, and the branches with their product; the router keeps its logits. The
// weights of the sum are applied to that product (Megatron-Core), so that what comes back need not be kept.
double expert_activation_bytes(const StepContext& c, bool minimal) {
  const ExpertSizes s = expert_sizes(c);
  const auto rows = static_cast<double>(s.received), width = static_cast<double>(s.width);
  const bool routes = c.model.experts->count > 1;  // else the input is the network's own, not a permuted copy
  const double inputs = routes ? rows * c.model.hidden * saved_element(c) : 0;
  const double logits = routes ? 4.0 * static_cast<double>(s.rows) * c.model.experts->count : 0;
  const double branches = rows * width * (c.model.gated_ffn ? 2 : 1) * c.element();
  const double activated = minimal ? 0 : rows * width * saved_element(c);
  return inputs + branches + activated + logits;
}

// What the narrow projections of latent attention give, before and after their norms.
double latent_width(const TransformerModel& m) {
  if (!m.latent_attention) return 0;
  const LatentAttention& a = *m.latent_attention;
  return 2.0 * (a.query_rank.value_or(0) + a.key_value_rank) + a.rotary_width;
}

// Beside the logits themselves. A compiler, or a fused loss, works in place; Megatron's keeps an fp32 copy that becomes the
// gradient; at the peak of PyTorch's, in backward, the log-probabilities, the gradient of the loss with respect to them and
// that with respect to the fp32 logits live side by side.
double loss_bytes_per_logit(const StepContext& c) {
  if (c.software.compiled || c.software.fused_cross_entropy) return 0;
  return c.software.eager_cross_entropy ? 12 : 4;
}

}  // namespace

double layer_activation_bytes(const StepContext& c, LayerKind kind, Recompute recompute) {
  if (recompute == Recompute::full) return layer_input_bytes(c);
  const TransformerModel& m = c.model;
  const double e = c.element(), in = saved_element(c), t = c.plan.tensor, tokens = c.tokens();
  const double mask = c.software.dropout ? 1 : 0, shared = c.plan.sequence_parallel ? t : 1;
  const double branches = m.gated_ffn ? 2 : 1, f = m.ffn_width(kind);
  // Of one rank.
  const double pairs = m.latent_attention ? m.key_value_pair_width() / t
                                          : 2.0 * static_cast<double>(key_value_width(m, c.plan.tensor));
  const double qkv = m.query_width() / t + pairs;
  if (recompute == Recompute::minimal) {
    // Input of the layer, projections, output projection, branches; the last product is not needed.
    const double outside = tokens * e * (2.0 * m.hidden + latent_width(m) / 2);
    return outside / shared + tokens * e * (qkv + branches * f / t) +
           (kind.experts ? expert_activation_bytes(c, true) : 0);
  }
  // Inputs of norms and of linear layers, dropout masks.
  const double outside = tokens * (m.hidden * (2 * e + 2 * in + 2 * mask) + latent_width(m) * e);
  const double attention = tokens * (qkv * e + m.context_width() / t * (in < e ? e + in : e));
  const double mlp = tokens * f * (branches * e + in) / t;  // before (and between) and after the activation
  double scores = 0;
  if (c.software.attention == AttentionImplementation::unfused && recompute != Recompute::selective)
    scores = tokens * m.sequence * m.attention_length_share * unfused_key_share(c) * m.heads / t *
             ((c.software.dropout ? 2 : 1) * e + mask);
  return outside / shared + attention + mlp + scores + (kind.experts ? expert_activation_bytes(c, false) : 0);
}

namespace {

// Keys and values of the whole sequence, of this rank's query heads, where they are gathered at once.
double gathered_pairs_bytes(const StepContext& c) {
  if (c.plan.context == 1 || !c.software.eager_ring) return 0;
  const double width = c.model.query_width() + c.model.context_width();
  return c.tokens() * c.plan.context * width / c.plan.tensor * c.element();
}

}  // namespace

double layer_working_bytes(const StepContext& c, LayerKind kind, Recompute recompute) {
  const double gathered = gathered_pairs_bytes(c);
  if (recompute == Recompute::none) return gathered;
  return gathered + layer_activation_bytes(c, kind, Recompute::none) - layer_activation_bytes(c, kind, recompute);
}

double head_activation_bytes(const StepContext& c) {
  const auto tokens = static_cast<double>(c.head_tokens());
  const double logits = static_cast<double>(c.padded_vocabulary()) / c.plan.tensor *
                        (c.element() + loss_bytes_per_logit(c));
  const double inputs = 2.0 * c.model.hidden * c.element();  // of the last norm, and of the head
  return tokens * (logits + inputs / (c.plan.sequence_parallel ? c.plan.tensor : 1));
}

double optimizer_state_bytes(const StepContext& c) {
  const bool full_precision = c.element() >= 4;
  // Shards that are fp32 themselves take the place of master weights.
  const bool fp32_shards = c.plan.zero_stage >= 3 && c.software.fp32_parameters;
  const bool master = !full_precision && (c.optimizer.master_weights || fp32_shards);
  return c.optimizer.state_bytes * std::max(1.0, c.element() / 4) + (master ? 4 : 0);
}

double gradient_element(const StepContext& c) {
  return c.software.gradients_in_fp32 ? std::max(4.0, c.element()) : c.element();
}

ParameterBytes parameter_bytes(const StepContext& c, double all, double experts) {
  const int zero = c.plan.zero_stage;
  const double group = c.plan.zero_group, expert_group = c.plan.expert_zero_group();
  const auto bytes = [&](double each, bool sharded) {
    if (!sharded) return all * each;
    return (all - experts) * each / group + experts * each / expert_group;
  };
  ParameterBytes b;
  // Shards that are master weights stand among the optimizer's states, where the device keeps those.
  const bool among_states = zero >= 3 && c.software.fp32_parameters && c.element() < 4 && !c.plan.offload.optimizer;
  if (!among_states) b.weights = bytes(c.element(), zero >= 3);
  b.gradients = bytes(gradient_element(c), zero >= 2);
  if (!c.plan.offload.optimizer) b.optimizer = bytes(optimizer_state_bytes(c), zero >= 1);
  return b;
}

}  // namespace orrery
