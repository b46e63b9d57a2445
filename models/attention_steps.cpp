#include "models/attention_steps.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace orrery {

namespace {

constexpr std::int64_t window_edge = 64;  // keys that a row computes beyond its window: half a tile of 128

struct AttentionSizes {
  std::int64_t query, key, width, value_width, sequences, heads, kv_heads;
  bool causal;
  double counted = 1;       // see Kernel::counted
  std::int64_t window = 0;  // keys of a row; 0: all that the mask leaves
};
AttentionSizes attention_sizes(const StepWriter& w) {
  const TransformerModel& m = w.model;
  std::int64_t heads = m.heads / w.t, kv_heads = std::max<std::int64_t>(1, m.key_value_heads() / w.t);
  std::int64_t sequences = w.context.plan.micro_batch;
  double length = std::max(m.attention_length_share, 1.0 / m.sequence);  // a token at least
  if (length < 1) {  // shorter and so many more, which a whole number of key-value heads says closest
    const double exact = static_cast<double>(sequences * kv_heads) / length;
    sequences = std::max<std::int64_t>(1, std::llround(exact));
    length *= std::sqrt(exact / static_cast<double>(sequences));  // as many pairs
    heads /= kv_heads;
    kv_heads = 1;
  }
  const auto span = [length](double s) { return std::max<std::int64_t>(1, static_cast<std::int64_t>(s * length)); };
  const int split = w.context.plan.context;
  const auto sequence = static_cast<double>(m.sequence);
  const std::int64_t query = span(sequence / split), all = span(sequence);
  const std::int64_t width = m.head_width(), value_width = m.value_head_width();
  const bool skips = w.kind.windowed && w.software.attention != AttentionImplementation::unfused;  // else masked only
  const std::int64_t window = skips ? m.sliding_window->tokens + window_edge : all;
  if (window < all) return {query, all, width, value_width, sequences, heads, kv_heads, m.causal, 1, window};
  if (w.software.attention == AttentionImplementation::unfused && m.causal) {
    const double share = unfused_key_share(w.context);
    return {query, span(sequence * share), width, value_width, sequences, heads, kv_heads, false, 1 / share};
  }
  return {query, all, width, value_width, sequences, heads, kv_heads, m.causal};
}

int flash_generation(const StepWriter& w) { return static_cast<int>(w.software.attention); }

}  // namespace

namespace {

// Context-parallel ranks hold balanced pieces from both ends of the sequence (zigzag: Brandon et al. 2023, striped
// attention, arXiv:2311.09431): after its own piece, causally, a rank attends half a piece of every other rank.
struct Ring {
  AttentionSizes own, other;
  std::uint32_t others;
};
std::optional<Ring> ring_of(const StepWriter& w) {
  const int split = w.context.plan.context;
  AttentionSizes a = attention_sizes(w);
  if (split == 1 || !a.causal || a.window > 0) return std::nullopt;
  Ring ring{a, a, static_cast<std::uint32_t>(split - 1)};
  ring.own.key = a.query;
  ring.other.key = std::max<std::int64_t>(1, a.query / 2);
  ring.other.causal = false;
  return ring;
}

Kernel fused_core(const StepWriter& w, const AttentionSizes& a, bool forward) {
  const Kernel all = (forward ? attention : attention_backward)(a.query, a.key, (a.width + a.value_width) / 2,
                                                                a.sequences, a.heads, a.kv_heads, a.causal, w.other,
                                                                flash_generation(w));
  return a.window > 0 ? windowed(all, a.window) : all;
}

// The pieces of the others that a rank attends. The half that balance leaves out counts, as all that a causal mask hides.
Kernel ring_others(const StepWriter& w, const Ring& ring, bool forward) {
  Kernel others = fused_core(w, ring.other, forward);
  others.repeat = ring.others;
  others.counted = 2;
  return others;
}

// Bytes per element that adding one piece's result to what there is moves: in one kernel, an fp32 sum is read and written
// and the piece read. In separate ones: cast; difference, product with the weight, difference (three fp32 passes); where
// only half of the queries took part, half of that and a copy of the whole, which is the case for half of the pieces.
double merge_bytes(const StepWriter& w, double separate_passes) {
  const double one_kernel = 8 + w.e;
  if (!w.software.eager_ring) return 0.75 * one_kernel;
  const double whole = w.e + 4 + separate_passes;
  return (whole + whole / 2 + 8) / 2;
}

// A product of queries, keys or values of separate kernels.
void product(StepWriter& w, const AttentionSizes& a, std::int64_t rows, std::int64_t columns, std::int64_t depth) {
  Kernel kernel = gemm(rows, columns, depth, w.other, a.sequences * a.heads);
  kernel.counted = a.counted;
  w.kernel(kernel);
}

}  // namespace

double unfused_key_share(const StepContext& c) {
  const double split = c.plan.context;
  return c.model.causal ? (split + 1) / (2 * split) : 1;
}

bool unfused_attention(const StepWriter& w) { return w.software.attention == AttentionImplementation::unfused; }

namespace {

void attention_core_forward(StepWriter& w) {
  const AttentionSizes a = attention_sizes(w);
  if (const auto ring = ring_of(w)) {
    w.kernel(fused_core(w, ring->own, true));
    if (w.software.eager_ring) w.wait();  // for the keys of all others
    w.kernel(ring_others(w, *ring, true));
    const double elements = static_cast<double>(w.tokens * w.o) * ring->others;
    return w.elementwise(elements, merge_bytes(w, 32),
                         static_cast<int>(ring->others) * (w.software.eager_ring ? 6 : 1));
  }
  if (!unfused_attention(w)) return w.kernel(fused_core(w, a, true));
  const std::int64_t batch = a.sequences * a.heads;
  const double scores = static_cast<double>(batch) * static_cast<double>(a.query) * static_cast<double>(a.key);
  product(w, a, a.query, a.key, a.width);
  if (!w.software.fused_softmax) w.elementwise(scores, 4 * w.e, 2);  // scale, then mask
  w.kernel(softmax(batch * a.query, a.key, 2 * w.e, w.other));
  if (w.software.dropout) w.elementwise(scores, 2 * w.e + 1);
  product(w, a, a.query, a.value_width, a.key);
}

// Width of the keys and values that travel: of all query heads where they are expanded first.
double ring_width(const StepWriter& w) { return static_cast<double>(w.software.eager_ring ? w.q + w.o : w.pairs); }

void attention_core_backward(StepWriter& w) {
  const AttentionSizes a = attention_sizes(w);
  if (const auto ring = ring_of(w)) {
    w.kernel(fused_core(w, ring->own, false));
    if (w.software.eager_ring) w.wait();
    w.kernel(ring_others(w, *ring, false));
    const double elements = static_cast<double>(w.tokens) * (static_cast<double>(w.q) + ring_width(w)) * ring->others;
    return w.elementwise(elements, merge_bytes(w, 12),
                         static_cast<int>(ring->others) * (w.software.eager_ring ? 9 : 1));
  }
  if (!unfused_attention(w)) return w.kernel(fused_core(w, a, false));
  const std::int64_t batch = a.sequences * a.heads;
  const double scores = static_cast<double>(batch) * static_cast<double>(a.query) * static_cast<double>(a.key);
  product(w, a, a.query, a.key, a.value_width);  // gradient of the probabilities
  product(w, a, a.key, a.value_width, a.query);  // of the values
  if (w.software.dropout) w.elementwise(scores, 2 * w.e + 1);
  w.kernel(softmax(batch * a.query, a.key, 3 * w.e, w.other));
  if (!w.software.fused_softmax) w.elementwise(scores, 4 * w.e, 2);
  product(w, a, a.query, a.width, a.key);  // of the queries
  product(w, a, a.key, a.width, a.query);  // of the keys
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

// Ring attention as the volume it moves: keys and values of the whole sequence, or their gradients, while pieces that are
// there are attended. The last gradient has nothing left to hide behind.
void pass_around(StepWriter& w, CollectiveKind kind, double share, double element, bool asynchronous) {
  const double bytes = static_cast<double>(w.tokens) * w.context.plan.context * ring_width(w) * element;
  w.collective(kind, Peers::context, share * bytes, asynchronous);
}
void await_ring(StepWriter& w) {
  if (w.context.plan.context > 1) w.wait();
}
}  // namespace

void ring_forward(StepWriter& w) {
  pass_around(w, CollectiveKind::all_gather, 1, w.e, true);
  attention_core_forward(w);
  await_ring(w);
}

namespace {

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
// Queries that are not compressed are made from the rows themselves.
double latent_bytes(const StepWriter& w, const Latent& l) {
  return static_cast<double>(w.tokens * ((l.query_rank > 0 ? l.query_rank : w.h) + l.pair_rank + l.rotary)) * w.e;
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
  if (sequence_parallel(w))  // saved inputs of the weight gradients: all but the rotary key
    w.collective(CollectiveKind::all_gather, Peers::tensor,
                 static_cast<double>(w.tokens) * static_cast<double>(queries + l.pair_rank) * w.e,
                 w.software.tensor_overlap);
  data_gradient(w, w.tokens, l.up, l.pair_rank);
  data_gradient(w, w.tokens, w.q, queries);
  if (sequence_parallel(w) && w.software.tensor_overlap && w.t > 1) w.wait();
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
  ring_forward(w);
  context_copy(w);
  linear_and_leave(w, w.o);
}

namespace {

void ring_backward(StepWriter& w) {
  const double last = 1.0 / w.context.plan.context, element = w.software.eager_ring ? 4 : w.e;
  pass_around(w, CollectiveKind::all_gather, 1, w.e, true);
  pass_around(w, CollectiveKind::reduce_scatter, 1 - last, element, true);
  attention_core_backward(w);
  await_ring(w);
  pass_around(w, CollectiveKind::reduce_scatter, last, element, false);
}

}  // namespace

void attention_backward_pass(StepWriter& w) {
  gather_and(w, [&] { data_gradient(w, w.tokens, w.h, w.o); });
  weight_gradient(w, w.tokens, w.h, w.o);
  context_copy(w);
  ring_backward(w);
  layout_backward(w);
  rotary_embedding(w);
  if (w.model.latent_attention) return latent_projections_backward(w);
  entering_linear_backward(w, w.q + w.pairs, w.h);
}

}  // namespace orrery
