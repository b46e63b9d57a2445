#include "kernels/expert_shapes.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/shapes.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

double as_real(std::int64_t n) { return static_cast<double>(n); }

}  // namespace

Kernel grouped_gemm(std::int64_t rows, std::int64_t experts, std::int64_t busiest, std::int64_t n, std::int64_t k,
                    DataType type) {
  ORRERY_CHECK(experts > 0 && rows >= experts, "{} rows on {} experts that have some", rows, experts);
  const std::int64_t even = (rows + experts - 1) / experts, most = std::max(busiest, even);
  ORRERY_CHECK(most <= rows - experts + 1, "{} of {} rows on one of {} experts", most, rows, experts);
  Kernel kernel = gemm(most, n, k, type, experts);
  if (most * experts == rows) return kernel;
  kernel.group = rows;
  const double in = bytes_per_element(type), out = std::max(2.0, in);
  kernel.flops = 2 * as_real(rows) * as_real(n) * as_real(k);
  kernel.bytes = as_real(rows) * (as_real(k) * in + as_real(n) * out) + as_real(experts) * as_real(n) * as_real(k) * in;
  return kernel;
}

Kernel grouped_gemm(std::span<const std::int64_t> rows_per_expert, std::int64_t n, std::int64_t k, DataType type) {
  std::int64_t rows = 0, experts = 0, busiest = 0;
  for (const std::int64_t own : rows_per_expert) {
    rows += own;
    experts += own > 0 ? 1 : 0;
    busiest = std::max(busiest, own);
  }
  return grouped_gemm(rows, experts, busiest, n, k, type);
}

Kernel expert_router(std::int64_t tokens, std::int64_t experts, std::int64_t chosen) {
  constexpr double logit_bytes = 4, index_bytes = 4;
  constexpr double softmax_flops = 5;
  Kernel kernel;
  kernel.kind = KernelKind::routing;
  kernel.type = DataType::fp32;
  kernel.m = tokens;
  kernel.n = experts;
  kernel.bytes = as_real(tokens) * (2 * logit_bytes * as_real(experts) + (logit_bytes + index_bytes) * as_real(chosen));
  // Top-k compares every probability with the chosen ones so far.
  kernel.flops = as_real(tokens) * as_real(experts) * (softmax_flops + as_real(chosen));
  return kernel;
}

Kernel expert_combine(std::int64_t tokens, std::int64_t hidden, std::int64_t copies, DataType type) {
  constexpr double weight_and_index_bytes = 8;
  const double elements = as_real(tokens) * as_real(hidden);
  Kernel kernel;
  kernel.kind = KernelKind::routing;
  kernel.type = type;
  kernel.m = tokens * copies;
  kernel.n = hidden;
  kernel.bytes = elements * (as_real(copies) + 1) * bytes_per_element(type) +
                 weight_and_index_bytes * as_real(tokens * copies);
  kernel.flops = 2 * elements * as_real(copies);
  return kernel;
}

double row_tiles(const Kernel& kernel, int tile) {
  const double highest = as_real((kernel.m + tile - 1) / tile), groups = as_real(kernel.batch);
  const bool product = kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::convolution;
  if (!product || kernel.group <= 1) return highest * groups;
  const double rows = as_real(kernel.group), size = tile;
  const double expected = rows / size + groups * (1 - 1 / size) / 2;
  // Never fewer than the largest even groups of no more rows have.
  const double even = std::ceil(std::floor(rows / groups) / size) * groups;
  const double fewest = std::max(std::ceil(rows / size), even);
  const double most = std::min(highest * groups, std::floor((rows - groups) / size) + groups);
  return std::clamp(expected, fewest, std::max(fewest, most));
}

}  // namespace orrery
