#include "kernels/roofline.hpp"

#include <algorithm>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "kernels/gpu_attention.hpp"
#include "kernels/memory_bound.hpp"

namespace orrery {

namespace {

bool is_attention(KernelKind kind) { return kind == KernelKind::attention || kind == KernelKind::attention_backward; }

bool is_product(KernelKind kind) { return kind == KernelKind::gemm || kind == KernelKind::convolution; }

}  // namespace

KernelTerms roofline(const Kernel& kernel, const DeviceContext& context) {
  if (!is_product(kernel.kind) && !is_attention(kernel.kind)) return memory_bound(kernel, context);
  const auto& found = context.calibration.gemm[static_cast<std::size_t>(kernel.type)];
  const GemmParameters& parameters = found.parameters;
  double share = parameters.efficiency * sustained(context, kernel.type);
  KernelTerms terms;
  terms.calibrated = found.calibrated && fit_covers(parameters.fit, kernel);
  if (is_attention(kernel.kind)) {
    const auto& attention = attention_parameters(context.calibration, kernel.generation);
    share = std::min(
        share, attention_rate_fraction(kernel, attention.parameters, static_cast<double>(kernel.n), kernel.causal));
    terms.calibrated = attention_calibrated(attention, kernel);
  }
  terms.launch_s = parameters.launch.value * kernel.launches;
  terms.compute_s = kernel.flops / (matrix_rate(context.device, kernel.type) * share);
  terms.memory_s = kernel.bytes / (parameters.memory_efficiency * memory_rate(context.device));
  terms.overlap = parameters.overlap;
  Traffic traffic;
  traffic.matrix_flops = kernel.flops;
  traffic.memory_bytes = kernel.bytes;
  add_energy(terms, kernel, traffic, context);
  return terms;
}

}  // namespace orrery
