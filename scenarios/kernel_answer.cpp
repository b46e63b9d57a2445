#include "scenarios/kernel_answer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "kernels/cost_models.hpp"
#include "kernels/device_rates.hpp"
#include "kernels/gpu_attention.hpp"
#include "kernels/operands.hpp"
#include "kernels/spatial.hpp"
#include "scenarios/error_bands.hpp"

namespace orrery {

namespace {

// Copies and conversions move or make types that the device need not compute with.
bool only_moves(KernelKind kind) { return kind == KernelKind::copy || kind == KernelKind::quantize; }

// Conversions are between bf16 and something narrower.
void check_conversion(DataType type) {
  if (unit_bits(type) < unit_bits(DataType::bf16)) return;
  std::string narrow;
  for (std::size_t i = 0; i < data_type_names.size(); ++i)
    if (unit_bits(static_cast<DataType>(i)) < unit_bits(DataType::bf16))
      narrow += (narrow.empty() ? "" : ", ") + std::string(data_type_names[i]);
  throw std::invalid_argument(
      fmt::format("--precision: a conversion is between bf16 and one of {}, found {}", narrow, name(type)));
}

void check_type(const KernelQuestion& question, const DeviceModel& device) {
  if (question.form->value.kind == KernelKind::quantize) check_conversion(question.type);
  const KernelKind kind = question.form->value.kind;
  if (only_moves(kind) || matrix_peak(device, question.type)) return;
  if (!is_matrix_work(kind) && question.type == DataType::fp32) return;  // what vector units compute in
  const std::vector<std::string> types = supported_types(device);
  if (types.empty()) return;  // whoever needs a rate says so
  std::string all;
  for (const std::string& type : types) all += (all.empty() ? "" : ", ") + type;
  throw std::invalid_argument(
      fmt::format("--precision {}: {} computes with {}", name(question.type), device.name, all));
}

std::optional<double> peak_of(const DeviceModel& device, const Kernel& kernel) {
  if (is_matrix_work(kernel.kind)) return matrix_rate(device, kernel.type);
  return vector_rate_known(device, kernel.type) ? std::optional(vector_rate(device, kernel.type)) : std::nullopt;
}

bool streams(const DeviceModel& device) {
  return memory_bandwidth(device) || device.on_chip.l1_bandwidth || device.on_chip.l2_bandwidth;
}

// Spiking hardware counts events.
bool counts_events(const Kernel& kernel, const DeviceModel& device) {
  return kernel.kind == KernelKind::spiking_step && device.family == DeviceFamily::neuromorphic;
}

// Whether its time depends on the vector rate.
bool uses_vectors(const Kernel& kernel, const DeviceModel& device) {
  return !is_matrix_work(kernel.kind) && !counts_events(kernel, device) && kernel.flops > 0;
}

constexpr const char* power_bound = "power limit";

// Attention of which only the sum of both directions was timed says nothing of one alone.
bool timed_with_other_direction(const Fit& fit, KernelKind kind) {
  return fit.together && (kind == KernelKind::attention || kind == KernelKind::attention_backward);
}

void name_calibration(KernelAnswer& a, const DeviceCalibration& calibration, const DeviceModel& device) {
  const auto name = [&](const auto& found) {
    const Fit& fit = found.parameters.fit;
    a.calibration = found.from.empty() ? "built-in default" : found.from;
    if (!(fit.median_error > 0)) a.calibration_note = fit.note;  // no fit
    if (a.calibrated) return;
    if (!vector_rate_known(device, a.what.kernel.type) && uses_vectors(a.what.kernel, device))
      a.calibration_gap = "the vector rate of this device is unknown; at most that of its matrix units";
    else if (a.bound == power_bound)
      a.calibration_gap = "at a clock that was not measured";
    else if (a.calibration.ends_with("held by the power limit"))
      a.calibration_gap = "a rate that was not measured";
    else if (a.calibration != "of this device")
      a.calibration_gap = "not measured on this device";
    else if (found.calibrated && fit_covers(fit, a.what.kernel) && timed_with_other_direction(fit, a.what.kernel.kind))
      a.calibration_gap = "forward and backward were timed together only";
    else if (found.calibrated)
      a.calibration_gap = "outside the kinds and sizes measured there";
    else
      a.calibration_gap = fit_shortfall(fit);
  };
  const Kernel& kernel = a.what.kernel;
  if (counts_events(kernel, device)) {  // at constants of a publication, which no fit stands behind
    a.calibration = calibration.events_from.empty() ? "built-in default" : calibration.events_from;
    a.calibration_gap = "not measured on this device";
  } else if (kernel.kind == KernelKind::attention || kernel.kind == KernelKind::attention_backward) {
    const auto& found = attention_parameters(calibration, kernel.generation);
    name(found);
    if (const int used = found.parameters.generation; used != kernel.generation)
      a.calibration_gap = fmt::format("no parameters of generation {}: those of {}", kernel.generation, used);
  } else if (is_matrix_work(kernel.kind))
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
    a.operand_bytes = operand_bytes(a.what.kernel);
    if (const auto capacity = memory_capacity(device)) a.fits_in_memory = a.operand_bytes <= capacity->value;
    std::vector<KernelCost> parts;
    costs->breakdown(DeviceTypeId(std::size_t{0}), {&a.what.kernel, 1}, {}, parts);
    a.time_s = parts.at(0).cost.time.value;
    a.bound = parts[0].bound;
    if (const double streaming_s = streaming_seconds(a.what.kernel, device); streaming_s > a.time_s) {
      a.time_s = streaming_s;
      a.bound = "streaming";
    }
    a.calibrated = parts[0].calibrated &&
                   !timed_with_other_direction(
                       attention_parameters(calibration, a.what.kernel.generation).parameters.fit, a.what.kernel.kind);
    ClassShares shares;
    add_share(shares, bands, a.what.kernel.kind, a.time_s, a.calibrated);
    const bool rate_known = !uses_vectors(a.what.kernel, device) || vector_rate_known(device, a.what.kernel.type);
    if (!shares.empty() && calibration.unvalidated.empty() &&
        rate_known) {  // errors of other kinds of silicon say nothing of it
      const BandFactors factors = explained_band(bands, shares);
      a.low_s = a.time_s * factors.low;
      a.high_s = a.time_s * factors.high;
    }
    a.energy_source = energy_source(device, calibration, a.what.kernel.kind);
    if (a.energy_source != EnergySource::unknown) {
      a.dynamic_J = parts[0].cost.energy.value;
      if (const auto idle = idle_power(device)) a.energy_J = *a.dynamic_J + idle->value * a.time_s;
    }
    name_calibration(a, calibration, device);
    a.peak_flops_per_s = peak_of(device, a.what.kernel);
    a.unvalidated = calibration.unvalidated;
    a.memory_bytes_per_s = streams(device) ? memory_rate(device) : std::numeric_limits<double>::infinity();
    answers.push_back(std::move(a));
  }
  return answers;
}

}  // namespace orrery
