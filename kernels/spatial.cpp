#include "kernels/spatial.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "kernels/expert_shapes.hpp"
#include "kernels/operands.hpp"
#include "kernels/roofline.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr double exchange_bytes_per_cycle = 4;  // of one core
constexpr double cube_faces = 6;

struct Product {  // of all rows and columns, at the rates of one core
  double rows = 0, columns = 0, depth = 0, width = 0;
  double flops_per_s = 0, bytes_per_s = 0;
};

struct Blocks {
  double compute_s = 0, exchange_s = 0, received = 0;  // bytes that one core receives
};

// The largest block of the grid of cores that finishes first. Each grid's time only grows with the product, so their minimum
// does as well.
Blocks cut(const Product& p, int cores, bool in_turns) {
  const auto time = [in_turns](const Blocks& b) {
    return in_turns ? b.compute_s + b.exchange_s : std::max(b.compute_s, b.exchange_s);
  };
  Blocks best;
  const auto consider = [&](double down) {
    const double rows = std::ceil(p.rows / down), columns = std::ceil(p.columns / std::floor(cores / down));
    const double operands = (rows + columns) * p.depth * p.width;
    const Blocks blocks{2 * rows * columns * p.depth / p.flops_per_s, operands / p.bytes_per_s, operands};
    if (best.compute_s <= 0 || time(blocks) < time(best)) best = blocks;
  };
  for (double down = 1; down <= cores; down *= 2) consider(down);
  consider(std::floor(std::sqrt(cores)));
  return best;
}

// Bytes that one core receives before it can compute, of kernels that are no product.
double received(const Kernel& kernel, int cores) {
  if (kernel.kind == KernelKind::attention || kernel.kind == KernelKind::attention_backward)
    return kernel.bytes / cores;
  if (kernel.kind != KernelKind::stencil) return 0;
  return cube_faces * std::pow(std::ceil(static_cast<double>(kernel.n) / cores), 2.0 / 3.0) *
         bytes_per_element(kernel.type);
}

double storage(const DeviceModel& device) {
  if (const auto capacity = memory_capacity(device)) return capacity->value;
  return device.on_chip.total ? device.on_chip.total->value : 0;
}

double outside_rate(const DeviceModel& device) {
  if (device.host_link && device.host_link->bandwidth_per_direction)
    return device.host_link->bandwidth_per_direction->value;
  throw SpecError(device.name, "/host_link/bandwidth_per_direction",
                  "the link over which operands arrive that do not fit on chip", "none");
}

}  // namespace

KernelTerms spatial(const Kernel& kernel, const DeviceContext& context) {
  KernelTerms terms = roofline(kernel, context);
  const DeviceModel& device = context.device;
  const int cores = core_count(device);
  const bool in_turns = device.family == DeviceFamily::ipu;
  const double bytes_per_s = device.clock ? exchange_bytes_per_cycle * device.clock->value
                                          : std::numeric_limits<double>::infinity();
  double exchanged = received(kernel, cores);  // bytes that one core receives
  if (kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::convolution) {
    const auto& found = context.calibration.gemm[static_cast<std::size_t>(kernel.type)];
    const double reached = found.parameters.efficiency * sustained(context, kernel.type);
    const Product product{row_tiles(kernel, 1),
                          static_cast<double>(kernel.n),
                          static_cast<double>(kernel.k),
                          bytes_per_element(kernel.type),
                          matrix_rate(device, kernel.type) / cores * reached,
                          bytes_per_s};
    const Blocks blocks = cut(product, cores, in_turns);
    terms.compute_s = blocks.compute_s;
    exchanged = blocks.received;
  }
  const double exchange_s = exchanged / bytes_per_s;
  if (in_turns)
    terms.compute_s += exchange_s;
  else if (exchange_s > terms.memory_s)
    terms.memory_s = exchange_s, terms.memory_name = "exchange";
  add_memory_energy(terms, kernel.kind, exchanged * cores, context);
  return terms;
}

double streaming_seconds(const Kernel& kernel, const DeviceModel& device) {
  const bool spatial_machine = device.family == DeviceFamily::ipu || device.family == DeviceFamily::wafer_scale;
  if (!spatial_machine || operand_bytes(kernel) <= storage(device)) return 0;
  return kernel.bytes / outside_rate(device);
}

}  // namespace orrery
