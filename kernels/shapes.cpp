#include "kernels/shapes.hpp"

#include <algorithm>
#include <cmath>

#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr double softmax_flops = 5;        // maximum, subtract, exponential, sum, divide
constexpr double normalization_flops = 8;  // mean and variance (4), subtract, scale, multiply, add
constexpr double cross_entropy_flops = 7;  // softmax, and its gradient in place
constexpr double adam_flops = 14;          // two moving averages, bias corrections, root, divide, decay, update
constexpr double quantize_flops = 3;       // absolute maximum, scale, round

double as_real(std::int64_t n) { return static_cast<double>(n); }

Kernel memory_bound(KernelKind kind, std::int64_t rows, std::int64_t columns, DataType type, double bytes,
                    double flops) {
  Kernel kernel;
  kernel.kind = kind;
  kernel.type = type;
  kernel.m = rows;
  kernel.n = columns;
  kernel.bytes = bytes;
  kernel.flops = flops;
  return kernel;
}

// Pairs of one query row and one key that are computed. A causal mask whose last row sees all keys leaves out a triangle
// of m x m / 2; with more rows than keys the first rows see nothing.
double computed_pairs(double m, double n, bool causal) {
  if (!causal) return m * n;
  return m <= n ? m * n - m * m / 2 : n * n / 2;
}

// What forward and backward share. `query_tensors` and `key_tensors` count tensors of the size of Q and of K moved.
Kernel attention_kernel(KernelKind kind, std::int64_t m, std::int64_t n, std::int64_t head_dim, std::int64_t sequences,
                        std::int64_t heads, std::int64_t kv_heads, bool causal, DataType type, int generation) {
  ORRERY_CHECK(kv_heads > 0 && heads % kv_heads == 0, "{} query heads on {} key-value heads", heads, kv_heads);
  const bool forward = kind == KernelKind::attention;
  const double query_tensors = forward ? 2 : 4;  // Q, O; backward reads Q, O, dO and writes dQ
  const double key_tensors = forward ? 2 : 4;    // K, V; backward also writes dK, dV
  Kernel kernel;
  kernel.kind = kind;
  kernel.type = type;
  kernel.causal = causal;
  kernel.generation = static_cast<std::uint16_t>(generation);
  kernel.m = m;
  kernel.n = n;
  kernel.k = head_dim;
  kernel.batch = sequences * heads;
  kernel.group = heads / kv_heads;
  const double d = as_real(head_dim);
  const double pairs = computed_pairs(as_real(m), as_real(n), causal);
  kernel.flops = flops_per_pair(kernel) * as_real(kernel.batch) * pairs;
  kernel.counted = as_real(m) * as_real(n) / pairs;
  const double elements = query_tensors * as_real(kernel.batch) * as_real(m) * d +
                          key_tensors * as_real(sequences * kv_heads) * as_real(n) * d;
  const double row_sums = 4.0 * as_real(kernel.batch) * as_real(m);  // one fp32 log-sum-exp per row
  kernel.bytes = elements * bytes_per_element(type) + row_sums;
  return kernel;
}

}  // namespace

Kernel gemm(std::int64_t m, std::int64_t n, std::int64_t k, DataType type, std::int64_t batch) {
  Kernel kernel;
  kernel.kind = KernelKind::gemm;
  kernel.type = type;
  kernel.m = m;
  kernel.n = n;
  kernel.k = k;
  kernel.batch = batch;
  const double rows = as_real(m), columns = as_real(n), depth = as_real(k), copies = as_real(batch);
  kernel.flops = 2 * rows * columns * depth * copies;
  const double in = bytes_per_element(type), out = std::max(2.0, in);
  kernel.bytes = copies * ((rows + columns) * depth * in + rows * columns * out);
  return kernel;
}

Kernel attention(std::int64_t query_length, std::int64_t key_length, std::int64_t head_dim, std::int64_t sequences,
                 std::int64_t heads, std::int64_t kv_heads, bool causal, DataType type, int generation) {
  return attention_kernel(KernelKind::attention, query_length, key_length, head_dim, sequences, heads, kv_heads, causal,
                          type, generation);
}

Kernel attention_backward(std::int64_t query_length, std::int64_t key_length, std::int64_t head_dim,
                          std::int64_t sequences, std::int64_t heads, std::int64_t kv_heads, bool causal, DataType type,
                          int generation) {
  return attention_kernel(KernelKind::attention_backward, query_length, key_length, head_dim, sequences, heads,
                          kv_heads, causal, type, generation);
}

double flops_per_pair(const Kernel& kernel) {
  const double matrices = kernel.kind == KernelKind::attention ? 4
                                                               : 10;  // of a pair and channel: two products, or five
  return matrices * as_real(kernel.k);
}

double window_share(const Kernel& kernel) {
  const double left = computed_pairs(as_real(kernel.m), as_real(kernel.n), kernel.causal);
  return std::min(1.0, kernel.flops / (flops_per_pair(kernel) * as_real(kernel.batch) * left));
}

Kernel windowed(Kernel kernel, std::int64_t window) {
  if (window >= kernel.n) return kernel;
  const double m = as_real(kernel.m), n = as_real(kernel.n), w = as_real(window);
  const double keys = kernel.causal ? w - w * w / (2 * n) : w;  // of a row, on average
  const double left = computed_pairs(m, n, kernel.causal);
  const double pairs = std::min(m * keys, left);
  kernel.flops *= pairs / left;
  kernel.counted = m * w / pairs;
  return kernel;
}

Kernel softmax(std::int64_t rows, std::int64_t columns, double bytes_per_element_moved, DataType type) {
  const double elements = as_real(rows) * as_real(columns);
  return memory_bound(KernelKind::softmax, rows, columns, type, elements * bytes_per_element_moved,
                      elements * softmax_flops);
}

Kernel normalization(std::int64_t rows, std::int64_t columns, double bytes_per_element_moved, DataType type) {
  const double elements = as_real(rows) * as_real(columns);
  return memory_bound(KernelKind::normalization, rows, columns, type, elements * bytes_per_element_moved,
                      elements * normalization_flops);
}

// As many as a kernel can say.
static std::uint16_t launches_of(int launches) { return static_cast<std::uint16_t>(std::min(launches, 65535)); }

Kernel elementwise(std::int64_t elements, double bytes, double flops, DataType type, int launches) {
  Kernel kernel = memory_bound(KernelKind::elementwise, 1, elements, type, bytes, flops);
  kernel.launches = launches_of(launches);
  return kernel;
}

Kernel embedding(std::int64_t tokens, std::int64_t hidden, DataType type) {
  const double elements = as_real(tokens) * as_real(hidden);
  const double indices = 8.0 * as_real(tokens);  // 64-bit token ids
  return memory_bound(KernelKind::embedding, tokens, hidden, type, 2 * elements * bytes_per_element(type) + indices, 0);
}

Kernel cross_entropy(std::int64_t tokens, std::int64_t vocabulary, double bytes_per_logit, DataType type) {
  const double logits = as_real(tokens) * as_real(vocabulary);
  return memory_bound(KernelKind::cross_entropy, tokens, vocabulary, type, logits * bytes_per_logit,
                      logits * cross_entropy_flops);
}

Kernel optimizer_step(double parameters, double bytes_per_parameter, int launches) {
  Kernel kernel = memory_bound(KernelKind::optimizer, 1, static_cast<std::int64_t>(parameters), DataType::fp32,
                               parameters * bytes_per_parameter, parameters * adam_flops);
  kernel.launches = launches_of(launches);
  return kernel;
}

Kernel memory_copy(double bytes) {
  return memory_bound(KernelKind::copy, 1, static_cast<std::int64_t>(bytes), DataType::int8, 2 * bytes, 0);
}

Kernel quantize(std::int64_t elements, DataType from, DataType to) {
  const double count = as_real(elements);
  return memory_bound(KernelKind::quantize, 1, elements, to, count * (bytes_per_element(from) + bytes_per_element(to)),
                      count * quantize_flops);
}

Kernel routing(std::int64_t tokens, std::int64_t hidden, std::int64_t copies, DataType type) {
  const double elements = as_real(tokens) * as_real(hidden) * as_real(copies);
  return memory_bound(KernelKind::routing, tokens * copies, hidden, type, 2 * elements * bytes_per_element(type), 0);
}

Kernel reduction(std::int64_t elements, std::int64_t inputs, DataType type) {
  const double count = as_real(elements);
  return memory_bound(KernelKind::reduction, inputs, elements, type,
                      (as_real(inputs) + 1) * count * bytes_per_element(type), (as_real(inputs) - 1) * count);
}

Kernel convolution(std::int64_t output_positions, std::int64_t output_channels, std::int64_t kernel_positions,
                   std::int64_t input_channels, std::int64_t input_positions, DataType type) {
  Kernel kernel = gemm(output_positions, output_channels, kernel_positions * input_channels, type);
  kernel.kind = KernelKind::convolution;
  const double in = bytes_per_element(type), out = std::max(2.0, in);
  kernel.bytes = as_real(input_positions) * as_real(input_channels) * in +
                 as_real(kernel.k) * as_real(output_channels) * in +
                 as_real(output_positions) * as_real(output_channels) * out;
  return kernel;
}

Kernel stencil(std::int64_t cells, int points, DataType type) {
  return memory_bound(KernelKind::stencil, 1, cells, type, 2 * as_real(cells) * bytes_per_element(type),
                      2.0 * points * as_real(cells));
}

Kernel fft(std::int64_t length, std::int64_t transforms, int passes, DataType type) {
  const double points = as_real(length) * as_real(transforms);
  const double complex_bytes = 2 * bytes_per_element(type);
  Kernel kernel = memory_bound(KernelKind::fft, transforms, length, type, 2 * points * complex_bytes,
                               5 * points * std::log2(as_real(length)));
  kernel.k = passes;
  return kernel;
}

Kernel sparse_matrix_vector(std::int64_t rows, std::int64_t non_zeros, DataType type, double fetches) {
  constexpr double index_bytes = 4;
  const double width = bytes_per_element(type);
  const double gathered = std::min(as_real(rows) * fetches, as_real(non_zeros));
  return memory_bound(
      KernelKind::sparse_matrix_vector, rows, non_zeros, type,
      as_real(non_zeros) * (width + index_bytes) + as_real(rows) * (index_bytes + width) + gathered * width,
      2 * as_real(non_zeros));
}

Kernel spiking_step(std::int64_t neurons, double synaptic_events, DataType type) {
  constexpr double update_flops = 8;   // leak, input current, threshold, reset, refractory count
  constexpr double state_values = 2;   // membrane potential and input current, read and written
  constexpr double address_bytes = 4;  // of the target neuron, beside the weight
  const double width = bytes_per_element(type);
  Kernel kernel = memory_bound(KernelKind::spiking_step, 1, neurons, type,
                               2 * state_values * as_real(neurons) * width + synaptic_events * (width + address_bytes),
                               update_flops * as_real(neurons) + synaptic_events);
  kernel.k = std::llround(synaptic_events);
  return kernel;
}

}  // namespace orrery
