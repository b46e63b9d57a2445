#include "scenarios/kernel_answer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "kernels/cost_models.hpp"
#include "kernels/device_rates.hpp"
#include "kernels/gpu_attention.hpp"
#include "scenarios/error_bands.hpp"

namespace orrery {

namespace {

bool is_matrix_work(KernelKind kind) {
  return kind == KernelKind::gemm || kind == KernelKind::convolution || kind == KernelKind::attention ||
         kind == KernelKind::attention_backward;
}

// Copies and conversions move or make types that the device need not compute with.
bool only_moves(KernelKind kind) { return kind == KernelKind::copy || kind == KernelKind::quantize; }

void check_type(const KernelQuestion& question, const DeviceModel& device) {
  if (only_moves(question.form->value.kind) || matrix_peak(device, question.type)) return;
  const std::vector<std::string> types = supported_types(device);
  if (types.empty()) return;  // whoever needs a rate says so
  std::string all;
  for (const std::string& type : types) all += (all.empty() ? "" : ", ") + type;
  throw std::invalid_argument(
      fmt::format("--precision {}: {} computes with {}", name(question.type), device.name, all));
}

std::optional<double> peak_of(const DeviceModel& device, const Kernel& kernel) {
  if (is_matrix_work(kernel.kind)) return matrix_rate(device, kernel.type);
  const double rate = vector_rate(device, kernel.type);
  return std::isfinite(rate) ? std::optional(rate) : std::nullopt;
}

bool streams(const DeviceModel& device) {
  return memory_bandwidth(device) || device.on_chip.l1_bandwidth || device.on_chip.l2_bandwidth;
}

// What must be in memory at once. Traffic that is not a product's may read and write the same bytes, in every pass again.
double operands_of(const SizedKernel& what) {
  if (what.kernel.kind == KernelKind::gemm || what.kernel.kind == KernelKind::convolution) return what.kernel.bytes;
  const auto passes = what.sizes.find("passes");
  return what.kernel.bytes / 2 / (passes == what.sizes.end() ? 1 : passes->second);
}

void name_calibration(KernelAnswer& a, const DeviceCalibration& calibration) {
  const auto name = [&a](const auto& found) {
    a.calibration = found.from.empty() ? "built-in default" : found.from;
    if (!(found.parameters.fit.median_error > 0)) a.calibration_note = found.parameters.fit.note;  // no fit
  };
  const Kernel& kernel = a.what.kernel;
  if (kernel.kind == KernelKind::attention || kernel.kind == KernelKind::attention_backward)
    name(attention_parameters(calibration, kernel.generation));
  else if (is_matrix_work(kernel.kind))
    name(calibration.gemm[static_cast<std::size_t>(kernel.type)]);
  else
    name(calibration.memory);
}

}  // namespace

double KernelAnswer::roof_flops_per_s() const {
  const double by_memory = intensity() * memory_bytes_per_s;
  return peak_flops_per_s ? std::min(*peak_flops_per_s, by_memory) : by_memory;
}

double KernelAnswer::roof_share() const {
  return what.kernel.flops > 0 ? flops_per_s() / roof_flops_per_s() : bytes_per_s() / memory_bytes_per_s;
}

std::vector<std::string> supported_types(const DeviceModel& device) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < data_type_names.size(); ++i)
    if (matrix_peak(device, static_cast<DataType>(i))) all.emplace_back(data_type_names[i]);
  return all;
}

std::vector<KernelAnswer> answer(const KernelQuestion& question, const DeviceModel& device, const Library& library) {
  check_type(question, device);
  const DeviceCalibration calibration = resolve_calibration(device, library);
  const auto costs = make_cost_model({&device, 1}, {calibration}, question.conditions);
  const ErrorBands bands = load_error_bands(library);
  std::vector<KernelAnswer> answers;
  for (const KernelSizes& sizes : question.answers) {
    KernelAnswer a;
    a.what = build_kernel(*question.form, sizes, question.type);
    if (a.what.kernel.type != question.type)
      throw std::invalid_argument(fmt::format("--precision: {} is in {} whatever its operands are, found {}",
                                              question.form->name, name(a.what.kernel.type), name(question.type)));
    a.operand_bytes = operands_of(a.what);
    if (const auto capacity = memory_capacity(device)) a.fits_in_memory = a.operand_bytes <= capacity->value;
    std::vector<KernelCost> parts;
    costs->breakdown(DeviceTypeId(std::size_t{0}), {&a.what.kernel, 1}, parts);
    a.time_s = parts.at(0).cost.time.value;
    a.bound = parts[0].bound;
    a.calibrated = parts[0].calibrated;
    ClassShares shares;
    add_share(shares, bands, a.what.kernel.kind, a.time_s, a.calibrated);
    if (!shares.empty() && calibration.unvalidated.empty()) {  // errors of other kinds of silicon say nothing of it
      const BandFactors factors = explained_band(bands, shares);
      a.low_s = a.time_s * factors.low;
      a.high_s = a.time_s * factors.high;
    }
    a.energy_source = energy_source(device, calibration, a.what.kernel.kind);
    if (a.energy_source != EnergySource::unknown) {
      a.dynamic_J = parts[0].cost.energy.value;
      if (const auto idle = idle_power(device)) a.energy_J = *a.dynamic_J + idle->value * a.time_s;
    }
    name_calibration(a, calibration);
    a.peak_flops_per_s = peak_of(device, a.what.kernel);
    a.unvalidated = calibration.unvalidated;
    a.memory_bytes_per_s = streams(device) ? memory_rate(device) : std::numeric_limits<double>::infinity();
    answers.push_back(std::move(a));
  }
  return answers;
}

}  // namespace orrery
