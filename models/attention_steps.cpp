#include "models/attention_steps.hpp"

#include <algorithm>

namespace orrery {

namespace {

constexpr std::int64_t window_tile = 128;

struct AttentionSizes {
  std::int64_t query, key, width, value_width, sequences, heads, kv_heads;
  bool causal;
};
AttentionSizes attention_sizes(const StepWriter& w) {
  const TransformerModel& m = w.model;
  const auto span = [&](std::int64_t s) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(s) * m.attention_length_share));
  };
  const std::int64_t heads = m.heads / w.t, kv_heads = std::max<std::int64_t>(1, m.key_value_heads() / w.t);
  const int split = w.context.plan.context;
  const std::int64_t query = span(m.sequence / split), all = span(m.sequence);
  const std::int64_t width = m.head_width(), value_width = m.value_head_width(), sequences = w.context.plan.micro_batch;
  const bool skips = w.kind.windowed && w.software.attention != AttentionImplementation::unfused;  // else masked only
  const std::int64_t window = skips ? m.sliding_window->tokens + window_tile : all;
  if (window < all) return {query, window, width, value_width, sequences, heads, kv_heads, false};
  // Context-parallel ranks hold balanced pieces from both ends of the sequence: each query attends half of it on average.
  if (split > 1 && m.causal)
    return {query, span(m.sequence / 2), width, value_width, sequences, heads, kv_heads, false};
  return {query, all, width, value_width, sequences, heads, kv_heads, m.causal};
}

int flash_generation(const StepWriter& w) { return static_cast<int>(w.software.attention); }

}  // namespace

bool unfused_attention(const StepWriter& w) { return w.software.attention == AttentionImplementation::unfused; }

void attention_core_forward(StepWriter& w) {
  const AttentionSizes a = attention_sizes(w);
  if (!unfused_attention(w))
    return w.kernel(attention(a.query, a.key, (a.width + a.value_width) / 2, a.sequences, a.heads, a.kv_heads, a.causal,
                              w.other, flash_generation(w)));
  const std::int64_t batch = a.sequences * a.heads;
  const double scores = static_cast<double>(batch) * static_cast<double>(a.query) * static_cast<double>(a.key);
  w.kernel(gemm(a.query, a.key, a.width, w.other, batch));
  if (!w.software.fused_softmax) w.elementwise(scores, 4 * w.e, 2);  // scale, then mask
  w.kernel(softmax(batch * a.query, a.key, 2 * w.e, w.other));
  if (w.software.dropout) w.elementwise(scores, 2 * w.e + 1);
  w.kernel(gemm(a.query, a.value_width, a.key, w.other, batch));
}

namespace {

void attention_core_backward(StepWriter& w) {
  const AttentionSizes a = attention_sizes(w);
  if (!unfused_attention(w))
    return w.kernel(attention_backward(a.query, a.key, (a.width + a.value_width) / 2, a.sequences, a.heads, a.kv_heads,
                                       a.causal, w.other, flash_generation(w)));
  const std::int64_t batch = a.sequences * a.heads;
  const double scores = static_cast<double>(batch) * static_cast<double>(a.query) * static_cast<double>(a.key);
  w.kernel(gemm(a.query, a.key, a.value_width, w.other, batch));  // gradient of the probabilities
  w.kernel(gemm(a.key, a.value_width, a.query, w.other, batch));  // of the values
  if (w.software.dropout) w.elementwise(scores, 2 * w.e + 1);
  w.kernel(softmax(batch * a.query, a.key, 3 * w.e, w.other));
  if (!w.software.fused_softmax) w.elementwise(scores, 4 * w.e, 2);
  w.kernel(gemm(a.query, a.width, a.key, w.other, batch));  // of the queries
  w.kernel(gemm(a.key, a.width, a.query, w.other, batch));  // of the keys
}

double projected(const StepWriter& w) { return static_cast<double>(w.tokens * (w.q + w.pairs)); }
double context(const StepWriter& w) { return static_cast<double>(w.tokens * w.o); }

// Between the projections and the attention core: rotary embedding of queries and keys, changes of layout.
void rotary_embedding(StepWriter& w) {
  if (!w.model.has_rotary()) return;
  const bool fused = w.software.fused_elementwise || w.software.compiled;
  const auto& latent = w.model.latent_attention;
  const std::int64_t turned = latent ? w.model.heads / w.t * latent->rotary_width + latent->rotary_width : w.q + w.kv;
  w.elementwise(static_cast<double>(w.tokens * turned), fused ? 2 * w.e : 9 * w.e, fused ? 1 : 5);
}
void layout_forward(StepWriter& w) {
  if (w.software.compiled) return;
  if (w.software.attention_copies) w.elementwise(projected(w), 2 * w.e, 3);
}
void context_copy(StepWriter& w) {
  if (!w.software.compiled) w.elementwise(context(w), 2 * w.e);
}
// The gradients of query, key and value are joined into one tensor, and summed for the bias.
void layout_backward(StepWriter& w) {
  if (w.software.compiled) return;
  w.elementwise(projected(w), (w.software.attention_copies ? 4 : 2) * w.e, w.software.attention_copies ? 4 : 1);
  if (w.biased) w.elementwise(projected(w), w.e);
}

// Ring attention as the volume it moves: keys and values of the whole sequence.
void gather_keys(StepWriter& w, CollectiveKind kind) {
  const double bytes = static_cast<double>(w.tokens) * w.context.plan.context * static_cast<double>(w.pairs) * w.e;
  w.collective(kind, Peers::context, bytes);
}

// Latent attention: narrow projections on the rows of this rank, alike on all tensor ranks; what they give is gathered.
struct Latent {
  std::int64_t query_rank, pair_rank, rotary,
      up;  // up: keys without their rotary part, and values, of this rank's heads
};
Latent latent_of(const StepWriter& w) {
  const LatentAttention& a = *w.model.latent_attention;
  const std::int64_t heads = w.model.heads / w.t;
  return {a.query_rank.value_or(0), a.key_value_rank, a.rotary_width,
          heads * (w.model.head_width() - a.rotary_width + a.value_width)};
}
double latent_bytes(const StepWriter& w, const Latent& l) {
  return static_cast<double>(w.tokens * (l.query_rank + l.pair_rank + l.rotary)) * w.e;
}

void latent_projections(StepWriter& w) {
  const Latent l = latent_of(w);
  if (l.query_rank > 0) {
    linear(w, w.rows, l.query_rank, w.h);
    normalization_forward(w, w.rows, l.query_rank);
  }
  linear(w, w.rows, l.pair_rank + l.rotary, w.h);
  normalization_forward(w, w.rows, l.pair_rank);
  if (sequence_parallel(w)) w.collective(CollectiveKind::all_gather, Peers::tensor, latent_bytes(w, l));
  linear(w, w.tokens, w.q, l.query_rank > 0 ? l.query_rank : w.h);
  linear(w, w.tokens, l.up, l.pair_rank);
  w.elementwise(static_cast<double>(w.tokens * w.kv), 2 * w.e);  // keys: rotary part copied to every head
}

void latent_projections_backward(StepWriter& w) {
  const Latent l = latent_of(w);
  w.elementwise(static_cast<double>(w.tokens * w.kv), 2 * w.e);
  const std::int64_t queries = l.query_rank > 0 ? l.query_rank : w.h;
  data_gradient(w, w.tokens, l.up, l.pair_rank);
  data_gradient(w, w.tokens, w.q, queries);
  w.collective(sequence_parallel(w) ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, Peers::tensor,
               latent_bytes(w, l), w.software.tensor_overlap);
  weight_gradient(w, w.tokens, l.up, l.pair_rank);
  weight_gradient(w, w.tokens, w.q, queries);
  if (w.software.tensor_overlap && w.t > 1) w.wait();
  normalization_backward(w, w.rows, l.pair_rank);
  data_gradient(w, w.rows, l.pair_rank + l.rotary, w.h);
  weight_gradient(w, w.rows, l.pair_rank + l.rotary, w.h);
  if (l.query_rank == 0) return;
  normalization_backward(w, w.rows, l.query_rank);
  data_gradient(w, w.rows, l.query_rank, w.h);
  weight_gradient(w, w.rows, l.query_rank, w.h);
}

}  // namespace

void attention_forward(StepWriter& w) {
  if (w.model.latent_attention)
    latent_projections(w);
  else
    gather_and(w, [&] { linear(w, w.tokens, w.q + w.pairs, w.h); });
  rotary_embedding(w);
  layout_forward(w);
  gather_keys(w, CollectiveKind::all_gather);
  attention_core_forward(w);
  context_copy(w);
  linear_and_leave(w, w.o);
}

void attention_backward_pass(StepWriter& w) {
  gather_and(w, [&] { data_gradient(w, w.tokens, w.h, w.o); });
  weight_gradient(w, w.tokens, w.h, w.o);
  gather_keys(w, CollectiveKind::all_gather);
  context_copy(w);
  attention_core_backward(w);
  gather_keys(w, CollectiveKind::reduce_scatter);
  layout_backward(w);
  rotary_embedding(w);
  if (w.model.latent_attention) return latent_projections_backward(w);
  entering_linear_backward(w, w.q + w.pairs, w.h);
}

}  // namespace orrery
