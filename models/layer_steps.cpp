#include "models/layer_steps.hpp"

#include "models/step_writer.hpp"

namespace orrery {

DataType StepContext::activations() const {
  switch (precision) {
    case DataType::fp64:
      return DataType::fp64;
    case DataType::fp32:
    case DataType::tf32:
      return DataType::fp32;
    case DataType::fp16:
      return DataType::fp16;
    default:
      return DataType::bf16;
  }
}

double StepContext::element() const { return bytes_per_element(activations()); }

double StepContext::tokens() const { return static_cast<double>(plan.micro_batch) * model.sequence / plan.context; }

std::int64_t StepContext::padded_vocabulary() const {
  if (!software.pad_vocabulary) return model.vocabulary;
  const std::int64_t multiple = 128L * plan.tensor;
  return (model.vocabulary + multiple - 1) / multiple * multiple;
}

namespace {

bool low_precision(DataType t) { return bytes_per_element(t) < 1.5; }

// A linear layer of m rows: forward, or its two backward products.
void linear(StepWriter& w, std::int64_t m, std::int64_t n, std::int64_t k) {
  if (low_precision(w.linear)) w.kernel(quantize(m * k, w.other, w.linear));
  w.kernel(gemm(m, n, k, w.linear));
}
void data_gradient(StepWriter& w, std::int64_t m, std::int64_t n, std::int64_t k) {
  if (low_precision(w.linear)) w.kernel(quantize(m * n, w.other, w.linear));  // the output gradient, used twice
  w.kernel(gemm(m, k, n, w.linear));
}
void weight_gradient(StepWriter& w, std::int64_t m, std::int64_t n, std::int64_t k) {
  if (low_precision(w.linear)) w.kernel(quantize(m * (n + k), w.other, w.linear));  // transposed operands
  w.kernel(gemm(n, k, m, w.linear));
  const double parameters = static_cast<double>(n) * static_cast<double>(k);
  if (w.context.plan.zero_stage >= 3) return;  // reduced at once, nothing to add to
  // fp32 main gradient: read and written (by the product itself when fused), plus reading the 16-bit one.
  if (w.software.gradients_in_fp32)
    return w.elementwise(parameters, w.software.gradient_accumulation_fused ? 6 : 8 + w.e);
  if (w.context.plan.micro_batches > 1)
    w.elementwise(parameters, w.software.gradient_accumulation_fused ? w.e : 3 * w.e);
}

void normalization_forward(StepWriter& w) {
  if (w.software.compiled)
    return w.kernel(normalization(w.rows, w.h, w.e, w.other));  // reads come fused with the residual
  if (w.software.fused_normalization) return w.kernel(normalization(w.rows, w.h, 2 * w.e, w.other));
  // Separate kernels: convert up, square, mean, scale, convert down, weight.
  Kernel k = normalization(w.rows, w.h, 28 + 4 * w.e, w.other);
  k.launches = 6;
  w.kernel(k);
}

void normalization_backward(StepWriter& w) {
  const double passes = w.software.compiled ? 3 * w.e : w.software.fused_normalization ? 5 * w.e : 40 + 6 * w.e;
  Kernel k = normalization(w.rows, w.h, passes, w.other);
  k.launches = w.software.compiled ? 1 : w.software.fused_normalization ? 2 : 10;
  w.kernel(k);
}

// Bias, dropout and residual addition after attention and after the feed-forward network.
void residual_forward(StepWriter& w) {
  const double elements = static_cast<double>(w.rows) * static_cast<double>(w.h);
  const double mask = w.software.dropout ? 1 : 0;
  if (w.software.fused_elementwise || w.software.compiled) return w.elementwise(elements, 3 * w.e + mask);
  double passes = 3 * w.e;  // residual addition
  int launches = 1;
  if (w.biased) {
    passes += 2 * w.e;
    ++launches;
  }
  if (w.software.dropout) {
    passes += 2 * w.e + 1;
    ++launches;
  }
  w.elementwise(elements, passes, launches);
}

void residual_backward(StepWriter& w) {
  const double elements = static_cast<double>(w.rows) * static_cast<double>(w.h);
  double passes = 3 * w.e;  // sum of the two branches' gradients
  int launches = 1;
  if (w.software.dropout) {
    passes += 2 * w.e + 1;
    ++launches;
  }
  if (w.biased) {
    passes += w.e;
    ++launches;
  }  // bias gradient
  w.elementwise(elements, w.software.compiled ? 2 * w.e : passes, w.software.compiled ? 1 : launches);
}

void activation_forward(StepWriter& w) {
  const double elements = static_cast<double>(w.tokens) * static_cast<double>(w.f);
  const bool fused = w.software.fused_elementwise;
  if (w.software.compiled) return w.elementwise(elements, w.branches == 2 ? w.e : 0);
  if (w.branches == 2) return w.elementwise(elements, fused ? 3 * w.e : 5 * w.e, fused ? 1 : 2);
  w.elementwise(elements, fused || !w.biased ? 2 * w.e : 4 * w.e, fused || !w.biased ? 1 : 2);
}

void activation_backward(StepWriter& w) {
  const double elements = static_cast<double>(w.tokens) * static_cast<double>(w.f);
  const bool fused = w.software.fused_elementwise;
  if (w.software.compiled) return w.elementwise(elements, w.branches == 2 ? 3 * w.e : w.e);
  const double bias = w.biased ? w.e : 0;
  if (w.branches == 2) return w.elementwise(elements, fused ? 5 * w.e : 8 * w.e, fused ? 1 : 3);
  w.elementwise(elements, 3 * w.e + bias, w.biased ? 2 : 1);
}

struct AttentionSizes {
  std::int64_t query, key, width, sequences, heads, kv_heads;
  bool causal;
};
AttentionSizes attention_sizes(const StepWriter& w) {
  const TransformerModel& m = w.model;
  const auto span = [&](std::int64_t s) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(s) * m.attention_length_share));
  };
  const std::int64_t heads = m.heads / w.t, kv_heads = std::max<std::int64_t>(1, m.key_value_heads() / w.t);
  const int split = w.context.plan.context;
  // Context-parallel ranks hold balanced pieces from both ends of the sequence: each query attends half of it on average.
  if (split > 1 && m.causal)
    return {span(m.sequence / split),
            span(m.sequence / 2),
            m.head_width(),
            w.context.plan.micro_batch,
            heads,
            kv_heads,
            false};
  return {span(m.sequence / split),
          span(m.sequence),
          m.head_width(),
          w.context.plan.micro_batch,
          heads,
          kv_heads,
          m.causal};
}

int flash_generation(const StepWriter& w) { return static_cast<int>(w.software.attention); }
bool unfused(const StepWriter& w) { return w.software.attention == AttentionImplementation::unfused; }

// Scores, softmax, dropout and the product with the values: what selective recomputation repeats.
void attention_core_forward(StepWriter& w) {
  const AttentionSizes a = attention_sizes(w);
  if (!unfused(w))
    return w.kernel(
        attention(a.query, a.key, a.width, a.sequences, a.heads, a.kv_heads, a.causal, w.other, flash_generation(w)));
  const std::int64_t batch = a.sequences * a.heads;
  const double scores = static_cast<double>(batch) * static_cast<double>(a.query) * static_cast<double>(a.key);
  w.kernel(gemm(a.query, a.key, a.width, w.other, batch));
  if (!w.software.fused_softmax) w.elementwise(scores, 4 * w.e, 2);  // scale, then mask
  w.kernel(softmax(batch * a.query, a.key, 2 * w.e, w.other));
  if (w.software.dropout) w.elementwise(scores, 2 * w.e + 1);
  w.kernel(gemm(a.query, a.width, a.key, w.other, batch));
}

void attention_core_backward(StepWriter& w) {
  const AttentionSizes a = attention_sizes(w);
  if (!unfused(w))
    return w.kernel(attention_backward(a.query, a.key, a.width, a.sequences, a.heads, a.kv_heads, a.causal, w.other,
                                       flash_generation(w)));
  const std::int64_t batch = a.sequences * a.heads;
  const double scores = static_cast<double>(batch) * static_cast<double>(a.query) * static_cast<double>(a.key);
  w.kernel(gemm(a.query, a.key, a.width, w.other, batch));  // gradient of the probabilities
  w.kernel(gemm(a.key, a.width, a.query, w.other, batch));  // of the values
  if (w.software.dropout) w.elementwise(scores, 2 * w.e + 1);
  w.kernel(softmax(batch * a.query, a.key, 3 * w.e, w.other));
  if (!w.software.fused_softmax) w.elementwise(scores, 4 * w.e, 2);
  w.kernel(gemm(a.query, a.width, a.key, w.other, batch));  // of the queries
  w.kernel(gemm(a.key, a.width, a.query, w.other, batch));  // of the keys
}

double projected(const StepWriter& w) { return static_cast<double>(w.tokens * (w.q + 2 * w.kv)); }
double context(const StepWriter& w) { return static_cast<double>(w.tokens * w.q); }

// Between the projections and the attention core: rotary embedding of queries and keys, changes of layout.
void rotary_embedding(StepWriter& w) {
  if (!w.model.has_rotary()) return;
  const bool fused = w.software.fused_elementwise || w.software.compiled;
  w.elementwise(static_cast<double>(w.tokens * (w.q + w.kv)), fused ? 2 * w.e : 9 * w.e, fused ? 1 : 5);
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

double activation_bytes(const StepWriter& w) { return static_cast<double>(w.tokens) * static_cast<double>(w.h) * w.e; }
bool sequence_parallel(const StepWriter& w) { return w.context.plan.sequence_parallel; }

// Ring attention as the volume it moves: keys and values of the whole sequence.
void gather_keys(StepWriter& w, CollectiveKind kind) {
  const double bytes = static_cast<double>(w.tokens) * w.context.plan.context * static_cast<double>(2 * w.kv) * w.e;
  w.collective(kind, Stream::context, bytes);
}

void enter_tensor_region(StepWriter& w) {
  if (sequence_parallel(w)) w.collective(CollectiveKind::all_gather, Stream::tensor, activation_bytes(w));
}
void leave_tensor_region(StepWriter& w) {
  w.collective(sequence_parallel(w) ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, Stream::tensor,
               activation_bytes(w));
}

// With user buffers the collective of sequence parallelism and the product beside it are cut into pieces that run
// pipelined: both start together and what follows waits for both.
bool pipelined(const StepWriter& w) { return w.software.tensor_overlap_forward && sequence_parallel(w) && w.t > 1; }
template <class Product> void gather_and(StepWriter& w, Product product) {
  if (!pipelined(w)) {
    enter_tensor_region(w);
    return product();
  }
  w.collective(CollectiveKind::all_gather, Stream::tensor, activation_bytes(w), true);
  product();
  w.wait();
}
void linear_and_leave(StepWriter& w, std::int64_t k) {
  if (!pipelined(w)) {
    linear(w, w.tokens, w.h, k);
    return leave_tensor_region(w);
  }
  w.collective(CollectiveKind::reduce_scatter, Stream::tensor, activation_bytes(w), true);
  linear(w, w.tokens, w.h, k);
  w.wait();
}

// The backward pass of the linear layer that enters a tensor-parallel region: the collective on its input gradient can
// hide behind the weight gradient.
void entering_linear_backward(StepWriter& w, std::int64_t n, std::int64_t k) {
  const bool overlap = w.software.tensor_overlap;
  if (sequence_parallel(w))
    w.collective(CollectiveKind::all_gather, Stream::tensor, activation_bytes(w), overlap);  // saved input
  data_gradient(w, w.tokens, n, k);
  if (sequence_parallel(w) && overlap && w.t > 1) w.wait();
  w.collective(sequence_parallel(w) ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, Stream::tensor,
               activation_bytes(w), overlap);
  weight_gradient(w, w.tokens, n, k);
  if (overlap && w.t > 1) w.wait();
}

// What the feed-forward network's last product computes is saved by nobody: recomputation may stop before it, unless its
// dropout mask has to be drawn again.
bool stops_early(const StepWriter& w) { return w.software.recompute_stops_early && !w.software.dropout; }

void forward_parts(StepWriter& w, bool stop_early = false) {
  normalization_forward(w);
  gather_and(w, [&] { linear(w, w.tokens, w.q + 2 * w.kv, w.h); });
  rotary_embedding(w);
  layout_forward(w);
  gather_keys(w, CollectiveKind::all_gather);
  attention_core_forward(w);
  context_copy(w);
  linear_and_leave(w, w.q);
  residual_forward(w);
  normalization_forward(w);
  gather_and(w, [&] { linear(w, w.tokens, w.branches * w.f, w.h); });
  activation_forward(w);
  if (stop_early) return;
  linear_and_leave(w, w.f);
  residual_forward(w);
}

void backward_parts(StepWriter& w) {
  residual_backward(w);
  gather_and(w, [&] { data_gradient(w, w.tokens, w.h, w.f); });  // the output gradient, under sequence parallelism
  weight_gradient(w, w.tokens, w.h, w.f);
  activation_backward(w);
  entering_linear_backward(w, w.branches * w.f, w.h);
  normalization_backward(w);
  residual_backward(w);
  gather_and(w, [&] { data_gradient(w, w.tokens, w.h, w.q); });
  weight_gradient(w, w.tokens, w.h, w.q);
  gather_keys(w, CollectiveKind::all_gather);
  context_copy(w);
  attention_core_backward(w);
  gather_keys(w, CollectiveKind::reduce_scatter);
  layout_backward(w);
  rotary_embedding(w);
  entering_linear_backward(w, w.q + 2 * w.kv, w.h);
  normalization_backward(w);
}

}  // namespace

LayerSteps layer_forward(const StepContext& context) {
  StepWriter w(context, Phase::forward);
  forward_parts(w);
  w.host_time(Phase::forward, context.software.host_forward_per_layer);
  return w.finish();
}

LayerSteps layer_backward(const StepContext& context, Recompute recompute) {
  StepWriter w(context, Phase::recompute);
  if (recompute == Recompute::full) {
    forward_parts(w, stops_early(w));
    w.host_time(Phase::recompute, context.software.host_forward_per_layer);
  }
  if (recompute == Recompute::selective && unfused(w)) {
    attention_core_forward(w);
    w.host_time(Phase::recompute, 0.25 * context.software.host_forward_per_layer);  // 4 of about 16 launches
  }
  w.phase(Phase::backward);
  backward_parts(w);
  w.host_time(Phase::backward, context.software.host_backward_per_layer);
  return w.finish();
}

LayerSteps embedding_forward(const StepContext& context) {
  StepWriter w(context, Phase::forward);
  w.kernel(embedding(w.tokens, w.h, w.other));
  if (w.t > 1) leave_tensor_region(w);
  if (context.model.learned_positions > 0) w.elementwise(static_cast<double>(w.rows * w.h), 3 * w.e);
  if (context.software.dropout) w.elementwise(static_cast<double>(w.rows * w.h), 2 * w.e + 1);
  return w.finish();
}

LayerSteps embedding_backward(const StepContext& context) {
  StepWriter w(context, Phase::backward);
  if (context.software.dropout) w.elementwise(static_cast<double>(w.rows * w.h), 2 * w.e + 1);
  enter_tensor_region(w);
  w.kernel(embedding(w.tokens, w.h, w.other));
  return w.finish();
}

namespace {

std::int64_t head_tokens(const StepWriter& w) {
  if (!w.model.predicted_positions) return w.tokens;
  return w.context.plan.micro_batch * *w.model.predicted_positions / w.context.plan.context;
}

}  // namespace

// Loss traffic per logit: forward converts to fp32 and takes maximum, exponential and sum (8 B), backward scales and
// writes the gradient (6 B); a compiler keeps the fp32 copy in registers.
LayerSteps head_forward(const StepContext& context) {
  StepWriter w(context, Phase::forward);
  const std::int64_t tokens = head_tokens(w), vocabulary = context.padded_vocabulary() / w.t;
  normalization_forward(w);
  enter_tensor_region(w);
  if (context.model.predicted_positions)
    w.kernel(gemm(tokens, w.h, w.h, w.other));  // BERT's transform before the decoder
  w.kernel(gemm(tokens, vocabulary, w.h, context.precision == DataType::tf32 ? DataType::tf32 : w.other));
  w.kernel(cross_entropy(tokens, vocabulary, context.software.compiled ? 4 : 8, w.other));
  w.collective(CollectiveKind::all_reduce, Stream::tensor,
               3.0 * static_cast<double>(tokens) * 4);  // maximum, target, sum
  return w.finish();
}

LayerSteps head_backward(const StepContext& context) {
  StepWriter w(context, Phase::backward);
  const std::int64_t tokens = head_tokens(w), vocabulary = context.padded_vocabulary() / w.t;
  const DataType type = context.precision == DataType::tf32 ? DataType::tf32 : w.other;
  w.kernel(cross_entropy(tokens, vocabulary, context.software.compiled ? 4 : 6, w.other));
  w.kernel(gemm(tokens, w.h, vocabulary, type));
  w.collective(sequence_parallel(w) ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, Stream::tensor,
               static_cast<double>(tokens * w.h) * w.e, context.software.tensor_overlap);
  w.kernel(gemm(vocabulary, w.h, tokens, type));
  if (context.software.tensor_overlap && w.t > 1) w.wait();
  normalization_backward(w);
  return w.finish();
}

}  // namespace orrery
