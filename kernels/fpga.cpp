#include "kernels/fpga.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "kernels/roofline.hpp"

namespace orrery {

namespace {

constexpr double pipeline_depth = 256;     // cycles: load, arithmetic and store units of a few tens each
constexpr double design_clock_Hz = 3e8;    // default kernel clock of the Alveo shells, where the device states none
constexpr double share_for_results = 0.5;  // of on-chip RAM; the rest buffers operands

}  // namespace

KernelTerms fpga(const Kernel& kernel, const DeviceContext& context) {
  KernelTerms terms = roofline(kernel, context);
  const DeviceModel& device = context.device;
  terms.launch_s += pipeline_depth * kernel.launches / (device.clock ? device.clock->value : design_clock_Hz);
  const bool product = kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::convolution;
  if (!product || !device.on_chip.total) return terms;
  const double width = bytes_per_element(kernel.type);
  const double block = std::sqrt(share_for_results * device.on_chip.total->value / width);
  const double blocked_bytes = kernel.flops / block * width;  // 2 m n k / b elements
  if (blocked_bytes <= kernel.bytes) return terms;
  terms.memory_s *= blocked_bytes / kernel.bytes;
  add_memory_energy(terms, kernel.kind, blocked_bytes - kernel.bytes, context);
  return terms;
}

}  // namespace orrery
