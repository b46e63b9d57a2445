#include "kernels/roofline.hpp"

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "kernels/memory_bound.hpp"

namespace orrery {

namespace {

bool is_matrix_work(KernelKind kind) {
  return kind == KernelKind::gemm || kind == KernelKind::convolution || kind == KernelKind::attention ||
         kind == KernelKind::attention_backward;
}

}  // namespace

KernelTerms roofline(const Kernel& kernel, const DeviceContext& context) {
  if (!is_matrix_work(kernel.kind)) return memory_bound(kernel, context);
  const auto& found = context.calibration.gemm[static_cast<std::size_t>(kernel.type)];
  const GemmParameters& parameters = found.parameters;
  KernelTerms terms;
  terms.launch_s = parameters.launch.value * kernel.launches;
  terms.compute_s = kernel.flops / (matrix_rate(context.device, kernel.type) * parameters.efficiency *
                                    sustained(context, kernel.type));
  terms.memory_s = kernel.bytes / (parameters.memory_efficiency * memory_rate(context.device));
  terms.overlap = parameters.overlap;
  terms.calibrated = found.calibrated && fit_covers(parameters.fit, kernel);
  Traffic traffic;
  traffic.matrix_flops = kernel.flops;
  traffic.memory_bytes = kernel.bytes;
  add_energy(terms, kernel, traffic, context);
  return terms;
}

}  // namespace orrery
