#include "kernels/memory_bound.hpp"

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"

namespace orrery {

double memory_efficiency(const Kernel& kernel, const MemoryParameters& parameters) {
  if (kernel.kind == KernelKind::softmax) return parameters.softmax;
  if (kernel.kind != KernelKind::normalization) return parameters.elementwise;
  return kernel.n >= parameters.wide_columns ? parameters.wide_normalization : parameters.normalization;
}

KernelTerms memory_bound(const Kernel& kernel, const DeviceContext& context) {
  const auto& found = context.calibration.memory;
  KernelTerms terms;
  terms.launch_s = found.parameters.launch.value * kernel.launches;
  terms.compute_s = kernel.flops / vector_rate(context.device, kernel.type);
  terms.memory_s = kernel.bytes / (memory_efficiency(kernel, found.parameters) * memory_rate(context.device));
  terms.calibrated = found.calibrated && fit_covers(found.parameters.fit, kernel);
  Traffic traffic;
  traffic.vector_flops = kernel.flops;
  traffic.memory_bytes = kernel.bytes;
  add_energy(terms, kernel, traffic, context);
  return terms;
}

}  // namespace orrery
