#include "kernels/memory_bound.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"

namespace orrery {

double memory_efficiency(const Kernel& kernel, const MemoryParameters& parameters) {
  if (kernel.kind == KernelKind::softmax) return parameters.softmax;
  if (kernel.kind != KernelKind::normalization) return parameters.elementwise;
  return kernel.n >= parameters.wide_columns ? parameters.wide_normalization : parameters.normalization;
}

namespace {

// Of on-chip memory that one transform is computed in at a time; 0: unknown.
double workspace(const DeviceModel& device) {
  const OnChipMemory& chip = device.on_chip;
  const bool distributed = device.family == DeviceFamily::ipu || device.family == DeviceFamily::wafer_scale;
  if (distributed || (!chip.l1_per_core && chip.total)) return chip.total ? chip.total->value : 0;
  const double own = chip.l1_per_core ? chip.l1_per_core->value : 0;
  if (device.family != DeviceFamily::cpu || !chip.l2 || !device.cores) return own;
  return std::max(own, chip.l2->value / *device.cores);
}

double passes(const Kernel& kernel, const DeviceModel& device) {
  if (kernel.kind != KernelKind::fft) return 1;
  if (kernel.k > 0) return static_cast<double>(kernel.k);
  const double points = workspace(device) / (2 * bytes_per_element(kernel.type));
  if (points < 2) return 1;
  return std::max(1.0, std::ceil(std::log2(static_cast<double>(kernel.n)) / std::log2(points)));
}

}  // namespace

KernelTerms memory_bound(const Kernel& kernel, const DeviceContext& context) {
  const auto& found = context.calibration.memory;
  const double times = passes(kernel, context.device), bytes = times * kernel.bytes;
  KernelTerms terms;
  terms.launch_s = found.parameters.launch.value * kernel.launches * times;
  terms.compute_s = kernel.flops / vector_rate(context.device, kernel.type);
  terms.memory_s = bytes / (memory_efficiency(kernel, found.parameters) * memory_rate(context.device));
  const bool rate_known = !(kernel.flops > 0) || vector_rate_known(context.device, kernel.type);
  terms.calibrated = found.calibrated && rate_known && fit_covers(found.parameters.fit, kernel);
  Traffic traffic;
  traffic.vector_flops = kernel.flops;
  traffic.memory_bytes = bytes;
  add_energy(terms, kernel, traffic, context);
  return terms;
}

}  // namespace orrery
