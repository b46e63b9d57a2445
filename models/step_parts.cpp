#include "models/step_parts.hpp"

#include <algorithm>

namespace orrery {

bool low_precision(DataType t) { return bytes_per_element(t) < 1.5; }

namespace {

// The same work once for every expert, one after the other.
void for_each(StepWriter& w, Kernel one, std::int64_t times) {
  one.repeat = static_cast<std::uint32_t>(times);
  w.kernel(one);
}

void product(StepWriter& w, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t experts) {
  if (w.software.grouped_products) return w.kernel(gemm(m, n, k, w.linear, experts));
  for_each(w, gemm(m, n, k, w.linear), experts);
}

void cast(StepWriter& w, std::int64_t elements, std::int64_t experts) {
  if (!low_precision(w.linear) || (experts > 1 && w.software.fused_experts)) return;
  if (w.software.grouped_products) return w.kernel(quantize(experts * elements, w.other, w.linear));
  for_each(w, quantize(elements, w.other, w.linear), experts);
}

}  // namespace

void linear(StepWriter& w, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t experts) {
  cast(w, m * k, experts);
  product(w, m, n, k, experts);
}
void data_gradient(StepWriter& w, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t experts) {
  cast(w, m * n, experts);  // the output gradient, used twice
  product(w, m, k, n, experts);
}
void weight_gradient(StepWriter& w, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t experts) {
  cast(w, m * (n + k), experts);  // transposed operands
  product(w, n, k, m, experts);
  accumulate_gradient(w, static_cast<double>(n) * static_cast<double>(k) * static_cast<double>(experts),
                      w.software.gradient_accumulation_fused);
}

void accumulate_gradient(StepWriter& w, double parameters, bool fused) {
  if (w.context.plan.zero_stage >= 3) return;  // reduced at once, nothing to add to
  // Main gradient, fp32 or wider: read and written, by the product itself when fused, else beside reading its result.
  const double main = std::max(4.0, w.e);
  if (w.software.gradients_in_fp32) return w.elementwise(parameters, fused ? 2 * main - w.e : 2 * main + w.e);
  if (w.context.plan.micro_batches > 1) w.elementwise(parameters, fused ? w.e : 3 * w.e);
}

void normalization_forward(StepWriter& w, std::int64_t rows, std::int64_t width) {
  if (w.software.compiled)
    return w.kernel(normalization(rows, width, w.e, w.other));  // reads come fused with the residual
  if (w.software.fused_normalization) return w.kernel(normalization(rows, width, 2 * w.e, w.other));
  // Separate kernels: convert up, square, mean, scale, convert down, weight.
  Kernel k = normalization(rows, width, 28 + 4 * w.e, w.other);
  k.launches = 6;
  w.kernel(k);
}

void normalization_backward(StepWriter& w, std::int64_t rows, std::int64_t width) {
  const double passes = w.software.compiled ? 3 * w.e : w.software.fused_normalization ? 5 * w.e : 40 + 6 * w.e;
  Kernel k = normalization(rows, width, passes, w.other);
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

void activation_forward(StepWriter& w, double elements) {
  const bool fused = w.software.fused_elementwise;
  if (w.software.compiled) return w.elementwise(elements, w.branches == 2 ? w.e : 0);
  if (w.branches == 2) return w.elementwise(elements, fused ? 3 * w.e : 5 * w.e, fused ? 1 : 2);
  w.elementwise(elements, fused || !w.biased ? 2 * w.e : 4 * w.e, fused || !w.biased ? 1 : 2);
}

void activation_backward(StepWriter& w, double elements) {
  const bool fused = w.software.fused_elementwise;
  if (w.software.compiled) return w.elementwise(elements, w.branches == 2 ? 3 * w.e : w.e);
  const double bias = w.biased ? w.e : 0;
  if (w.branches == 2) return w.elementwise(elements, fused ? 5 * w.e : 8 * w.e, fused ? 1 : 3);
  w.elementwise(elements, 3 * w.e + bias, w.biased ? 2 : 1);
}

double activation_bytes(const StepWriter& w) { return static_cast<double>(w.tokens) * static_cast<double>(w.h) * w.e; }
bool sequence_parallel(const StepWriter& w) { return w.context.plan.sequence_parallel; }

void enter_tensor_region(StepWriter& w) {
  if (sequence_parallel(w)) w.collective(CollectiveKind::all_gather, Peers::tensor, activation_bytes(w));
}
void leave_tensor_region(StepWriter& w) {
  w.collective(sequence_parallel(w) ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, Peers::tensor,
               activation_bytes(w));
}

bool pipelined(const StepWriter& w) { return w.software.tensor_overlap_forward && sequence_parallel(w) && w.t > 1; }
void linear_and_leave(StepWriter& w, std::int64_t k) {
  if (!pipelined(w)) {
    linear(w, w.tokens, w.h, k);
    return leave_tensor_region(w);
  }
  // Pieces of the sum leave while the product makes the next ones; the last of as many pieces as ranks has nothing left
  // to hide behind.
  const double last = activation_bytes(w) / static_cast<double>(w.t);
  w.collective(CollectiveKind::reduce_scatter, Peers::tensor, activation_bytes(w) - last, true);
  linear(w, w.tokens, w.h, k);
  w.wait();
  w.collective(CollectiveKind::reduce_scatter, Peers::tensor, last);
}

void entering_linear_backward(StepWriter& w, std::int64_t n, std::int64_t k) {
  const bool overlap = w.software.tensor_overlap;
  if (sequence_parallel(w))
    w.collective(CollectiveKind::all_gather, Peers::tensor, activation_bytes(w), overlap);  // saved input
  data_gradient(w, w.tokens, n, k);
  if (sequence_parallel(w) && overlap && w.t > 1) w.wait();
  w.collective(sequence_parallel(w) ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, Peers::tensor,
               activation_bytes(w), overlap);
  weight_gradient(w, w.tokens, n, k);
  if (overlap && w.t > 1) w.wait();
}

}  // namespace orrery
