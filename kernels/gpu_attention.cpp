#include "kernels/gpu_attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "kernels/shapes.hpp"
#include "kernels/splits.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr int block_rows = 128;  // query rows of one block
constexpr int packed_rows = 64;  // up to here heads that share keys may share a block
constexpr int instruction_rows = 16;
constexpr int fast_head_multiple = 8;
constexpr double least_keys = 128;   // of a split
constexpr double full_enough = 0.8;  // of the cores: keys stay whole
constexpr double uneven_end = 0.25;  // of the longest block, which is twice the mean of a square

std::int64_t rounded_up(std::int64_t n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

struct Blocks {  // of query rows, of all heads and sequences
  double rows = 0, count = 0;
};

// `sharing`: heads of those that share keys that share a block.
Blocks cut_rows(const Kernel& kernel, std::int64_t sharing) {
  const std::int64_t own = seeing_rows(kernel);
  const std::int64_t height = own * sharing, padded = rounded_up(height, instruction_rows);
  const std::int64_t block = height <= packed_rows ? padded : block_rows;
  return {static_cast<double>(block),
          static_cast<double>(rounded_up(height, static_cast<int>(block)) / block * (kernel.batch / sharing))};
}

// What computes the blocks: cores, and the rate of one in pairs of a query row and a key.
struct Cores {
  const Kernel& kernel;
  const AttentionParameters& parameters;
  double count = 1, pairs_per_s = 1, ceiling = 1;  // at the peak; share of it that is reached at most

  double seconds(double pairs, double keys, bool causal) const {
    return pairs / (pairs_per_s * std::min(attention_rate_fraction(kernel, parameters, keys, causal), ceiling));
  }
};

// Keys that a row which sees any sees on average, and that the last row sees: all, or its window, found from the mean
// (the root of mean = w - w^2 / 2n).
struct SeenKeys {
  double mean, longest;
};
// Rows that only fill a block see what further ones would: fewer keys would make them cheaper the more of them are real.
SeenKeys seen_keys(const Kernel& kernel, const Blocks& blocks) {
  const double n = static_cast<double>(kernel.n);
  const double rows = std::min(n, blocks.rows * blocks.count / static_cast<double>(kernel.batch));
  const double mean = (kernel.causal ? n - rows / 2 : n) * window_share(kernel);
  if (!kernel.causal) return {mean, mean};
  return {mean, std::round(n * (1 - std::sqrt(std::max(0.0, 1 - 2 * mean / n))))};
}

// All blocks, each with its keys in so many splits.
double compute_seconds(const Blocks& blocks, int splits, const Cores& cores) {
  const auto of_split = [&](double keys) { return splits == 1 ? keys : std::max(keys / splits, least_keys); };
  const SeenKeys seen = seen_keys(cores.kernel, blocks);
  const double keys = of_split(seen.longest);
  const double longest = cores.seconds(blocks.rows * keys, keys, false);
  const double unmasked = std::ceil(blocks.count * splits / cores.count) * longest;
  if (!cores.kernel.causal) return unmasked;
  // A row pays for its diagonal blocks, whatever else it sees: the rate is that of a triangle of the same mean.
  const double triangle = of_split(std::min(static_cast<double>(cores.kernel.n), 2 * seen.mean));
  const double mean = cores.seconds(blocks.count / cores.count * blocks.rows * seen.mean, triangle, true);
  return std::clamp(mean + uneven_end * longest, longest, unmasked);
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

bool attention_calibrated(const DeviceCalibration::Found<AttentionParameters>& found, const Kernel& kernel) {
  return found.calibrated && found.parameters.generation == kernel.generation && window_share(kernel) > 1 - 1e-9 &&
         fit_covers(found.parameters.fit, kernel);
}

std::int64_t seeing_rows(const Kernel& kernel) { return kernel.causal ? std::min(kernel.m, kernel.n) : kernel.m; }

double attention_rate_fraction(const Kernel& kernel, const AttentionParameters& parameters, double s, bool causal) {
  const double d = static_cast<double>(kernel.k);
  double reached = parameters.efficiency * d / (d + parameters.head_overhead);
  if (kernel.kind == KernelKind::attention_backward) reached *= parameters.backward_ratio;
  if (causal) return reached * parameters.causal_ratio * s / (s + parameters.causal_half_length);
  return reached * s / (s + parameters.half_length);
}

KernelTerms gpu_attention(const Kernel& kernel, const DeviceContext& context) {
  const auto& found = attention_parameters(context.calibration, kernel.generation);
  const auto& gemm = context.calibration.gemm[static_cast<std::size_t>(kernel.type)];
  const double aligned = kernel.k % fast_head_multiple == 0 ? 1.0 : gemm.parameters.misaligned;
  const MemoryParameters& memory = context.calibration.memory.parameters;
  const double bytes_per_s = memory.elementwise * memory_rate(context.device);
  const double outputs = static_cast<double>(kernel.m * kernel.batch) * static_cast<double>(kernel.k + 1);
  const int cores = core_count(context.device);
  // Attention leaves the matrix units idle for most of its time and stays below the power limit: what the board sustains is
  // a ceiling to it, not a factor (H100 training at 32k tokens comes out 15 % too slow with the factor, right with this).
  const Cores all{kernel, found.parameters, static_cast<double>(cores),
                  matrix_rate(context.device, kernel.type) * aligned / flops_per_pair(kernel) / cores,
                  gemm.parameters.efficiency * sustained(context, kernel.type)};
  Traffic traffic;
  traffic.matrix_flops = kernel.flops;
  // Each block of query rows streams all keys and values through the cache: two products per 128 rows.
  traffic.cache_bytes = kernel.flops / 2 / block_rows * bytes_per_element(kernel.type);

  KernelTerms best;
  Seconds best_time{std::numeric_limits<double>::infinity()};
  const auto try_splits = [&](const Blocks& blocks, int splits) {
    KernelTerms way;
    traffic.memory_bytes = kernel.bytes + (splits > 1 ? splits * outputs * partial_bytes : 0);
    way.launch_s = gemm.parameters.launch.value * kernel.launches + (splits > 1 ? memory.launch.value : 0);
    way.compute_s = compute_seconds(blocks, splits, all);
    way.memory_s = traffic.memory_bytes / bytes_per_s;
    add_energy(way, kernel, traffic, context);
    hold_to_limit(way, context);
    const Seconds time = cost_at(way, {}).time;
    if (time >= best_time) return;
    best_time = time;
    best = way;
  };
  const std::int64_t most_sharing = seeing_rows(kernel) <= packed_rows ? kernel.group : 1;
  for (std::int64_t sharing = 1; sharing <= most_sharing; ++sharing) {
    if (kernel.group % sharing != 0) continue;
    const Blocks blocks = cut_rows(kernel, sharing);
    for (const int splits : splittings) {
      if (splits > 1 && blocks.count >= full_enough * cores) break;
      try_splits(blocks, splits);
    }
  }
  best.calibrated = attention_calibrated(found, kernel);
  return best;
}

}  // namespace orrery
