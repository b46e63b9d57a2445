#include "kernels/gpu_gemm.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

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
constexpr double indifference = 0.05;  // of the time, see the header
constexpr double any_operands = std::numeric_limits<double>::infinity();

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

namespace {

double operands_through_cache(int m, int n) { return 1.0 / m + 1.0 / n; }

// `visit` sees every tile for a product whose k is cut in `splits` that takes fewer operands than `most`, which it may lower;
// none where the cores cannot take all parts at once.
template <class Visit>
void for_each_tiling(const Kernel& kernel, const GemmParameters& parameters, int cores, double core_flops, int splits,
                     const double& most, const Visit& visit) {
  const double depth = static_cast<double>(kernel.k) / splits + parameters.k_overhead;
  const auto consider = [&](int m, int n) {
    const double operands = operands_through_cache(m, n);
    if (operands >= most) return;
    const double full = row_tiles(kernel, m) * ceiling_of(kernel.n, n) * splits / cores;
    if (splits > 1 && full > 1) return;
    const double waves = std::max(1.0, full + parameters.wave_tail * (std::ceil(full) - full));
    const double narrow = std::max(0.0, operands - widest);
    const double seconds = waves * 2.0 * m * n * depth * (1 + parameters.tile_cost * narrow) / core_flops;
    visit(GemmTiling{m, n, waves, seconds, operands});
  };
  for (const Tile tile : tiles) consider(tile.m, tile.n);
  if (parameters.tile_step > 0)
    for (int width = parameters.tile_step; width <= widest_tile; width += parameters.tile_step)
      for (const int rows : {64, 128, 256}) {
        consider(rows, width);
        consider(width, rows);
      }
}

// A way to compute the product: a tile, and in how many parts k is cut.
struct Way {
  KernelTerms terms;
  Cost cost{Seconds(std::numeric_limits<double>::infinity()), {}};
};

}  // namespace

GemmTiling choose_tiling(const Kernel& kernel, const GemmParameters& parameters, int cores, double core_flops,
                         int splits) {
  GemmTiling best;
  for_each_tiling(kernel, parameters, cores, core_flops, splits, any_operands, [&best](const GemmTiling& tiling) {
    if (best.tile_m == 0 || tiling.core_s < best.core_s) best = tiling;
  });
  for_each_tiling(kernel, parameters, cores, core_flops, splits, best.operands, [&best](const GemmTiling& tiling) {
    if (tiling.core_s <= best.core_s * (1 + indifference)) best.operands = tiling.operands;
  });
  return best;
}

KernelTerms gpu_gemm(const Kernel& kernel, const DeviceContext& context) {
  const auto& found = context.calibration.gemm[static_cast<std::size_t>(kernel.type)];
  const GemmParameters& parameters = found.parameters;
  const int cores = core_count(context.device);
  const double core_flops = matrix_rate(context.device, kernel.type) / cores;
  const double reached = parameters.efficiency * sustained(context, kernel.type) *
                         (is_aligned(kernel) ? 1.0 : parameters.misaligned);
  const double bytes_per_s = parameters.memory_efficiency * memory_rate(context.device);
  const double results = kernel.flops / 2 / static_cast<double>(kernel.k);
  const bool limited = context.conditions == Conditions::sustained && limited_budget_W(context.device) > 0;

  Way best;
  for (const int splits : splittings) {
    const GemmTiling fastest = choose_tiling(kernel, parameters, cores, core_flops, splits);
    if (fastest.tile_m == 0) break;
    Traffic traffic;
    traffic.matrix_flops = kernel.flops;
    traffic.memory_bytes = kernel.bytes + (splits > 1 ? splits * results * partial_bytes : 0);
    Way way;
    way.terms.launch_s = parameters.launch.value * kernel.launches +
                         (splits > 1 ? context.calibration.memory.parameters.launch.value : 0);
    way.terms.memory_s = traffic.memory_bytes / bytes_per_s;
    way.terms.overlap = parameters.overlap;
    const auto consider = [&](double core_s, double operands) {
      way.terms.compute_s = core_s / reached;
      if (cost_at(way.terms, {}).time > best.cost.time) return;  // no limit makes it faster
      traffic.cache_bytes = kernel.flops / 2 * operands * bytes_per_element(kernel.type);
      Way now = way;
      add_energy(now.terms, kernel, traffic, context);
      hold_to_limit(now.terms, context);
      now.cost = cost_at(now.terms, {});
      if (std::pair(now.cost.time, now.cost.energy) < std::pair(best.cost.time, best.cost.energy)) best = now;
    };
    consider(fastest.core_s, fastest.operands);
    if (!limited) continue;
    for_each_tiling(kernel, parameters, cores, core_flops, splits, any_operands, [&](const GemmTiling& tiling) {
      consider(std::max(fastest.core_s, tiling.core_s / (1 + indifference)), tiling.operands);
    });
  }
  best.terms.calibrated = found.calibrated && fit_covers(parameters.fit, kernel);
  return best.terms;
}

}  // namespace orrery
