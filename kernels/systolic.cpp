#include "kernels/systolic.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "kernels/expert_shapes.hpp"
#include "kernels/gpu_attention.hpp"
#include "kernels/memory_bound.hpp"
#include "kernels/shapes.hpp"

namespace orrery {

namespace {

constexpr int row_multiple = 8;

double tiles_of(double size, double tile) { return std::ceil(size / tile); }

double rows_of(const DeviceModel& device) { return *device.systolic_rows; }
double columns_of(const DeviceModel& device) { return device.systolic_columns.value_or(*device.systolic_rows); }

struct ArrayTime {                  // seconds at the full rate
  double streaming = 0, whole = 0;  // with fill, drain, and waiting for pieces as long as the array is deep
};

// What the arrays need for `share` of the product's rows.
ArrayTime array_seconds(const Kernel& kernel, const DeviceModel& device, double peak, double share = 1) {
  const double rows = rows_of(device), columns = columns_of(device);
  const double arrays = std::max(1, device.matrix_units.value_or(1));
  const double cycles_per_s = peak /
                              (arrays * 2 * rows * columns);  // of one array, from the peak: clock and type at once
  const double tiles = tiles_of(static_cast<double>(kernel.k), rows) * tiles_of(static_cast<double>(kernel.n), columns);
  const double streamed = std::max(row_tiles(kernel, row_multiple) * row_multiple,
                                   rows * static_cast<double>(kernel.batch));
  // Tiles are cut along m as well, so that all arrays work, down to pieces as long as an array is deep.
  const double streams = tiles * streamed * share / arrays;
  return {streams / cycles_per_s, (std::max(streams, rows) + rows + columns) / cycles_per_s};
}

// The products of attention.
ArrayTime attention_seconds(const Kernel& kernel, const DeviceModel& device, double peak) {
  Kernel deep;  // scores, and the gradient of the probabilities: as deep as a head
  deep.kind = KernelKind::gemm;
  const std::int64_t own = seeing_rows(kernel);
  deep.m = own * kernel.group;
  deep.n = kernel.n;
  deep.k = kernel.k;
  deep.batch = kernel.batch / kernel.group;
  Kernel wide = deep;  // outputs, and the gradients of queries, keys and values: as wide as a head
  std::swap(wide.n, wide.k);
  const double later = std::max(0.0,
                                static_cast<double>(own) - rows_of(device));  // rows of which blocks see fewer keys
  const double share = (kernel.causal ? 1 - later / 2 / static_cast<double>(kernel.n) : 1) * window_share(kernel);
  const bool forward = kernel.kind == KernelKind::attention;
  const double scores = forward ? 1 : 2, outputs = forward ? 1 : 3;
  const ArrayTime a = array_seconds(deep, device, peak, share), b = array_seconds(wide, device, peak, share);
  return {scores * a.streaming + outputs * b.streaming, scores * a.whole + outputs * b.whole};
}

// What the array takes at its full rate, over the share of it that attention reaches: a share that falls with few keys for
// what streams, that of long sequences for the rest; at least what products of the same size take. Heads and keys count as the
// whole tiles that the array computes: a narrow head does not pay again for what pads it.
double attention_seconds(const Kernel& kernel, const DeviceModel& device, double peak,
                         const AttentionParameters& parameters, double product_share) {
  constexpr double many_keys = 1e12;
  const ArrayTime time = attention_seconds(kernel, device, peak);
  const double keys = tiles_of(static_cast<double>(kernel.n), columns_of(device)) * columns_of(device);
  Kernel whole = kernel;
  whole.k = static_cast<std::int64_t>(tiles_of(static_cast<double>(kernel.k), rows_of(device)) * rows_of(device));
  const double streaming = time.streaming / attention_rate_fraction(whole, parameters, keys, kernel.causal);
  const double rest = (time.whole - time.streaming) /
                      attention_rate_fraction(whole, parameters, many_keys, kernel.causal);
  return std::max(streaming + rest, time.whole / product_share);
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
    terms.compute_s = attention_seconds(kernel, context.device, peak, attention.parameters,
                                        parameters.efficiency * reached);
    terms.calibrated = attention_calibrated(attention, kernel);
  } else {
    terms.compute_s = array_seconds(kernel, context.device, peak).whole / (parameters.efficiency * reached);
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
