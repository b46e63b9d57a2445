#include "models/layer_steps.hpp"

#include "models/attention_steps.hpp"
#include "models/expert_steps.hpp"

namespace orrery {

DataType activation_type(DataType precision) {
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

std::int64_t StepContext::head_tokens() const {
  if (!model.predicted_positions) return static_cast<std::int64_t>(tokens());
  return (plan.micro_batch * *model.predicted_positions + plan.context - 1) / plan.context;
}

std::int64_t StepContext::padded_vocabulary() const {
  const std::int64_t multiple = (software.pad_vocabulary ? 128L : 1L) * plan.tensor;
  return (model.vocabulary + multiple - 1) / multiple * multiple;
}

namespace {

// What the feed-forward network's last product computes is saved by nobody: recomputation may stop before it, unless its
// dropout mask has to be drawn again.
bool stops_early(const StepWriter& w) { return w.software.recompute_stops_early && !w.software.dropout; }

void dense_forward(StepWriter& w, bool stop_early) {
  gather_and(w, [&] { linear(w, w.tokens, w.branches * w.f, w.h); });
  activation_forward(w, static_cast<double>(w.tokens) * static_cast<double>(w.f));
  if (!stop_early) linear_and_leave(w, w.f);
}

void dense_backward(StepWriter& w) {
  gather_and(w, [&] { data_gradient(w, w.tokens, w.h, w.f); });  // the output gradient, under sequence parallelism
  weight_gradient(w, w.tokens, w.h, w.f);
  activation_backward(w, static_cast<double>(w.tokens) * static_cast<double>(w.f));
  entering_linear_backward(w, w.branches * w.f, w.h);
}

void forward_parts(StepWriter& w, bool stop_early = false) {
  normalization_forward(w, w.rows, w.h);
  attention_forward(w);
  residual_forward(w);
  normalization_forward(w, w.rows, w.h);
  w.kind.experts ? experts_forward(w, stop_early) : dense_forward(w, stop_early);
  if (!stop_early) residual_forward(w);
}

void backward_parts(StepWriter& w) {
  residual_backward(w);
  w.kind.experts ? experts_backward(w) : dense_backward(w);
  normalization_backward(w, w.rows, w.h);
  residual_backward(w);
  attention_backward_pass(w);
  normalization_backward(w, w.rows, w.h);
}

// What is repeated when only the results of matrix products were kept.
void forward_between_products(StepWriter& w) {
  normalization_forward(w, w.rows, w.h);
  ring_forward(w);
  residual_forward(w);
  normalization_forward(w, w.rows, w.h);
  if (w.kind.experts) {
    const ExpertSizes s = expert_sizes(w.context);
    activation_forward(w, static_cast<double>(s.received) * static_cast<double>(s.width));
  }
  if (w.f > 0) activation_forward(w, static_cast<double>(w.tokens) * static_cast<double>(w.f));
}

Seconds host_time(const StepContext& c, LayerKind kind, bool forward) {
  const Seconds layer = forward ? c.software.host_forward_per_layer : c.software.host_backward_per_layer;
  return kind.experts ? layer + c.software.host_per_expert_launch * expert_launches(c, forward) : layer;
}

}  // namespace

LayerSteps layer_forward(const StepContext& context, LayerKind kind) {
  StepWriter w(context, Phase::forward, kind);
  forward_parts(w);
  w.host_time(Phase::forward, host_time(context, kind, true));
  return w.finish();
}

LayerSteps layer_backward(const StepContext& context, LayerKind kind, Recompute recompute) {
  StepWriter w(context, Phase::recompute, kind);
  if (recompute == Recompute::full) {
    forward_parts(w, stops_early(w));
    w.host_time(Phase::recompute, host_time(context, kind, true));
  }
  if (recompute == Recompute::minimal) {
    forward_between_products(w);
    w.host_time(Phase::recompute, 0.5 * host_time(context, kind, true));
  }
  if (recompute == Recompute::selective && unfused_attention(w)) {
    ring_forward(w);
    w.host_time(Phase::recompute, 0.25 * context.software.host_forward_per_layer);  // 4 of about 16 launches
  }
  w.phase(Phase::backward);
  backward_parts(w);
  w.host_time(Phase::backward, host_time(context, kind, false));
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
  const double table = static_cast<double>(context.padded_vocabulary() / w.t) * static_cast<double>(w.h);
  w.elementwise(table, w.e);  // rows that no token chose: the gradient is as large as the table (PyTorch, JAX)
  accumulate_gradient(w, table, false);
  return w.finish();
}

namespace {

bool lean_loss(const StepContext& c) { return c.software.compiled || c.software.fused_cross_entropy; }

}  // namespace

// Loss traffic per logit: forward converts to fp32 and takes maximum, exponential and sum (8 B), backward scales and
// writes the gradient (6 B); a compiler or a fused kernel keeps the fp32 copy in registers.
LayerSteps head_forward(const StepContext& context) {
  StepWriter w(context, Phase::forward);
  const std::int64_t tokens = context.head_tokens(), vocabulary = context.padded_vocabulary() / w.t;
  normalization_forward(w, w.rows, w.h);
  enter_tensor_region(w);
  if (context.model.predicted_positions)
    w.kernel(gemm(tokens, w.h, w.h, w.other));  // BERT's transform before the decoder
  w.kernel(gemm(tokens, vocabulary, w.h, context.precision == DataType::tf32 ? DataType::tf32 : w.other));
  w.kernel(cross_entropy(tokens, vocabulary, lean_loss(context) ? 4 : 8, w.other));
  w.collective(CollectiveKind::all_reduce, Peers::tensor,
               3.0 * static_cast<double>(tokens) * 4);  // maximum, target, sum
  return w.finish();
}

LayerSteps head_backward(const StepContext& context) {
  StepWriter w(context, Phase::backward);
  const std::int64_t tokens = context.head_tokens(), vocabulary = context.padded_vocabulary() / w.t;
  const DataType type = context.precision == DataType::tf32 ? DataType::tf32 : w.other;
  w.kernel(cross_entropy(tokens, vocabulary, lean_loss(context) ? 4 : 6, w.other));
  const double bytes = static_cast<double>(tokens * w.h) * w.e;
  const bool overlap = context.software.tensor_overlap;
  if (sequence_parallel(w)) w.collective(CollectiveKind::all_gather, Peers::tensor, bytes, overlap);  // saved input
  w.kernel(gemm(tokens, w.h, vocabulary, type));
  if (sequence_parallel(w) && overlap && w.t > 1) w.wait();
  w.collective(sequence_parallel(w) ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, Peers::tensor, bytes,
               overlap);
  w.kernel(gemm(vocabulary, w.h, tokens, type));
  accumulate_gradient(w, static_cast<double>(vocabulary) * static_cast<double>(w.h),
                      context.software.gradient_accumulation_fused);
  if (overlap && w.t > 1) w.wait();
  if (context.model.predicted_positions) {  // both gradients of BERT's transform
    w.kernel(gemm(tokens, w.h, w.h, w.other));
    w.kernel(gemm(w.h, w.h, tokens, w.other));
  }
  normalization_backward(w, w.rows, w.h);
  return w.finish();
}

}  // namespace orrery
