#include "kernels/gpu_gemm.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "kernels/expert_shapes.hpp"
#include "kernels/splits.hpp"

namespace orrery {

namespace {

struct Tile {
  int m, n;
};
constexpr std::array<Tile, 11> tiles = {{{256, 128},
                                         {128, 256},
                                         {128, 128},
                                         {256, 64},
                                         {64, 256},
                                         {128, 64},
                                         {64, 128},
                                         {64, 64},
                                         {64, 32},
                                         {32, 64},
                                         {32, 32}}};
constexpr double widest = 1.0 / 256 + 1.0 / 128;  // operand bytes per FLOP of the largest tile
constexpr int widest_tile = 256;
constexpr double fast_path_bytes = 16;

double ceiling_of(std::int64_t size, int tile) { return static_cast<double>((size + tile - 1) / tile); }

}  // namespace

bool is_aligned(const Kernel& kernel) {
  const double width = bytes_per_element(kernel.type);
  const auto whole = [&](std::int64_t elements) {
    return std::fmod(static_cast<double>(elements) * width, fast_path_bytes) == 0;
  };
  // Block-scaled formats keep their scales apart: their rows count elements only, in blocks that are always multiples.
  if (width != std::floor(width) && width != 0.5) return kernel.n % 32 == 0 && kernel.k % 32 == 0;
  return whole(kernel.n) && whole(kernel.k);
}

GemmTiling choose_tiling(const Kernel& kernel, const GemmParameters& parameters, int cores, double core_flops,
                         int splits) {
  GemmTiling best;
  const double depth = static_cast<double>(kernel.k) / splits + parameters.k_overhead;
  const auto consider = [&](int m, int n) {
    const double full = row_tiles(kernel, m) * ceiling_of(kernel.n, n) * splits / cores;
    if (splits > 1 && full > 1) return;
    const double waves = std::max(1.0, full + parameters.wave_tail * (std::ceil(full) - full));
    const double narrow = std::max(0.0, 1.0 / m + 1.0 / n - widest);
    const double seconds = waves * 2.0 * m * n * depth * (1 + parameters.tile_cost * narrow) / core_flops;
    if (best.tile_m == 0 || seconds < best.core_s) best = {m, n, waves, seconds};
  };
  for (const Tile tile : tiles) consider(tile.m, tile.n);
  if (parameters.tile_step > 0)
    for (int width = parameters.tile_step; width <= widest_tile; width += parameters.tile_step)
      for (const int rows : {64, 128, 256}) {
        consider(rows, width);
        consider(width, rows);
      }
  return best;
}

KernelTerms gpu_gemm(const Kernel& kernel, const DeviceContext& context) {
  const auto& found = context.calibration.gemm[static_cast<std::size_t>(kernel.type)];
  const GemmParameters& parameters = found.parameters;
  const int cores = core_count(context.device);
  const double peak = matrix_rate(context.device, kernel.type);
  const double reached = parameters.efficiency * sustained(context, kernel.type) *
                         (is_aligned(kernel) ? 1.0 : parameters.misaligned);
  const double bytes_per_s = parameters.memory_efficiency * memory_rate(context.device);
  const double results = kernel.flops / 2 / static_cast<double>(kernel.k);

  KernelTerms terms;
  GemmTiling tiling;
  double moved = 0;
  for (const int splits : splittings) {
    const GemmTiling cut = choose_tiling(kernel, parameters, cores, peak / cores, splits);
    if (cut.tile_m == 0) break;
    KernelTerms way;
    const double bytes = kernel.bytes + (splits > 1 ? splits * results * partial_bytes : 0);
    way.launch_s = parameters.launch.value * kernel.launches +
                   (splits > 1 ? context.calibration.memory.parameters.launch.value : 0);
    way.compute_s = cut.core_s / reached;
    way.memory_s = bytes / bytes_per_s;
    way.overlap = parameters.overlap;
    if (splits > 1 && !(cost_at(way, {}).time < cost_at(terms, {}).time)) continue;
    terms = way;
    tiling = cut;
    moved = bytes;
  }
  terms.calibrated = found.calibrated && fit_covers(parameters.fit, kernel);
  Traffic traffic;
  traffic.matrix_flops = kernel.flops;
  traffic.cache_bytes = kernel.flops / 2 * (1.0 / tiling.tile_m + 1.0 / tiling.tile_n) * bytes_per_element(kernel.type);
  traffic.memory_bytes = moved;
  add_energy(terms, kernel, traffic, context);
  return terms;
}

}  // namespace orrery
