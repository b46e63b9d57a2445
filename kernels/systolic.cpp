#include "kernels/systolic.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "kernels/expert_shapes.hpp"
#include "kernels/gpu_attention.hpp"
#include "kernels/memory_bound.hpp"

namespace orrery {

namespace {

constexpr int row_multiple = 8;

double tiles_of(double size, double tile) { return std::ceil(size / tile); }

// Seconds that the arrays need at their full rate.
double array_seconds(const Kernel& kernel, const DeviceModel& device, double peak) {
  const double rows = *device.systolic_rows, columns = device.systolic_columns.value_or(*device.systolic_rows);
  const double arrays = std::max(1, device.matrix_units.value_or(1));
  const double cycles_per_s = peak /
                              (arrays * 2 * rows * columns);  // of one array, from the peak: clock and type at once
  const double tiles = tiles_of(static_cast<double>(kernel.k), rows) * tiles_of(static_cast<double>(kernel.n), columns);
  const double streamed = std::max(row_tiles(kernel, row_multiple) * row_multiple,
                                   rows * static_cast<double>(kernel.batch));
  // Tiles are cut along m as well, so that all arrays work, down to pieces as long as an array is deep.
  const double streams = std::max(tiles * streamed / arrays, rows);
  return (streams + rows + columns) / cycles_per_s;
}

}  // namespace

KernelTerms systolic(const Kernel& kernel, const DeviceContext& context) {
  const bool attends = kernel.kind == KernelKind::attention || kernel.kind == KernelKind::attention_backward;
  if (kernel.kind != KernelKind::gemm && kernel.kind != KernelKind::convolution && !attends)
    return memory_bound(kernel, context);
  const auto& found = context.calibration.gemm[static_cast<std::size_t>(kernel.type)];
  const GemmParameters& parameters = found.parameters;
  const double peak = matrix_rate(context.device, kernel.type);
  const double reached = sustained(context, kernel.type);

  KernelTerms terms;
  terms.launch_s = parameters.launch.value * kernel.launches;
  if (attends) {
    const auto& attention = attention_parameters(context.calibration, kernel.generation);
    terms.compute_s = kernel.flops / (peak * std::min(attention_rate_fraction(kernel, attention.parameters),
                                                      parameters.efficiency * reached));
    terms.calibrated = attention.calibrated && fit_covers(attention.parameters.fit, kernel);
  } else {
    terms.compute_s = array_seconds(kernel, context.device, peak) / (parameters.efficiency * reached);
    terms.calibrated = found.calibrated && fit_covers(parameters.fit, kernel);
  }
  terms.memory_s = kernel.bytes / (parameters.memory_efficiency * memory_rate(context.device));
  terms.overlap = parameters.overlap;
  Traffic traffic;
  traffic.matrix_flops = kernel.flops;
  traffic.memory_bytes = kernel.bytes;
  add_energy(terms, kernel, traffic, context);
  return terms;
}

}  // namespace orrery
