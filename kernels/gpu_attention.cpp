#include "kernels/gpu_attention.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr int block_rows = 128;  // query rows of one block
constexpr int decode_rows = 64;  // up to here kernels split the keys
constexpr int instruction_rows = 16;
constexpr int fast_head_multiple = 8;

std::int64_t rounded_up(std::int64_t n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

// Work over work that fills all cores: padding of query rows and the last, partly filled wave.
double padding(const Kernel& kernel, int cores) {
  const double rows = static_cast<double>(kernel.m);
  if (kernel.m <= decode_rows) return static_cast<double>(rounded_up(kernel.m, instruction_rows)) / rows;
  const double padded = static_cast<double>(rounded_up(kernel.m, block_rows));
  const double blocks = padded / block_rows * static_cast<double>(kernel.batch);
  return padded / rows * std::ceil(blocks / cores) * cores / blocks;
}

}  // namespace

const DeviceCalibration::Found<AttentionParameters>& attention_parameters(const DeviceCalibration& calibration,
                                                                          int generation) {
  ORRERY_CHECK(!calibration.attention.empty(), "no attention parameters");
  const auto* best = &calibration.attention.front();
  for (const auto& candidate : calibration.attention)
    if (candidate.parameters.generation <= generation) best = &candidate;
  return *best;
}

double attention_rate_fraction(const Kernel& kernel, const AttentionParameters& parameters) {
  const double d = static_cast<double>(kernel.k), s = static_cast<double>(kernel.n);
  double reached = parameters.efficiency * d / (d + parameters.head_overhead);
  if (kernel.kind == KernelKind::attention_backward) reached *= parameters.backward_ratio;
  if (kernel.causal) return reached * parameters.causal_ratio * s / (s + parameters.causal_half_length);
  return reached * s / (s + parameters.half_length);
}

KernelTerms gpu_attention(const Kernel& kernel, const DeviceContext& context) {
  const auto& found = attention_parameters(context.calibration, kernel.generation);
  const auto& gemm = context.calibration.gemm[static_cast<std::size_t>(kernel.type)];
  const double aligned = kernel.k % fast_head_multiple == 0 ? 1.0 : gemm.parameters.misaligned;
  // Attention leaves the matrix units idle for most of its time and stays below the power limit: what the board sustains is
  // a ceiling to it, not a factor (H100 training at 32k tokens comes out 15 % too slow with the factor, right with this).
  const double fraction_of_peak = std::min(attention_rate_fraction(kernel, found.parameters),
                                           gemm.parameters.efficiency * sustained(context, kernel.type));
  const double rate = matrix_rate(context.device, kernel.type) * aligned * fraction_of_peak;

  KernelTerms terms;
  terms.launch_s = gemm.parameters.launch.value * kernel.launches;
  terms.compute_s = kernel.flops * padding(kernel, core_count(context.device)) / rate;
  terms.memory_s = kernel.bytes / (context.calibration.memory.parameters.elementwise * memory_rate(context.device));
  terms.calibrated = found.calibrated && fit_covers(found.parameters.fit, kernel);
  Traffic traffic;
  traffic.matrix_flops = kernel.flops;
  // Each block of query rows streams all keys and values through the cache: two products per 128 rows.
  traffic.cache_bytes = kernel.flops / 2 / block_rows * bytes_per_element(kernel.type);
  traffic.memory_bytes = kernel.bytes;
  add_energy(terms, kernel, traffic, context);
  return terms;
}

}  // namespace orrery
