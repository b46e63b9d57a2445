#include "kernels/energy.hpp"

#include <algorithm>
#include <initializer_list>

#include "kernels/device_rates.hpp"

namespace orrery {

namespace {

constexpr double pico = 1e-12, bits_per_byte = 8;
constexpr double gpu_idle_share = 0.13;  // of the board limit, see the header
constexpr double memory_share_of_budget = 0.5;
constexpr double rate_at_full_budget = 0.65;  // of the data sheet's peak, see the header

double relative_width(DataType type, DataType reference) {
  return static_cast<double>(unit_bits(type)) / unit_bits(reference);
}

// FLOP/s on operands as wide as `reference` of the type, of those given, that a device computes most bits of: a type that it
// has hardly any units for says nothing of the energy of one FLOP.
double best_rate(const DeviceModel& device, std::initializer_list<DataType> types, DataType reference) {
  double best = 0;
  for (const DataType type : types)
    if (const auto peak = matrix_peak(device, type))
      best = std::max(best, peak->value * relative_width(type, reference));
  return best;
}

}  // namespace

std::optional<Watts> idle_power(const DeviceModel& device) {
  if (device.power.idle || !device.power.tdp || device.family != DeviceFamily::gpu) return device.power.idle;
  return gpu_idle_share * *device.power.tdp;
}

static double above_idle_W(const DeviceModel& device, const std::optional<Watts>& limit) {
  return limit ? (*limit - idle_power(device).value_or(Watts(0))).value : 0;
}

double dynamic_budget_W(const DeviceModel& device) { return above_idle_W(device, device.power.tdp); }

double limited_budget_W(const DeviceModel& device) { return above_idle_W(device, device.power.limit); }

EnergySource energy_source(const DeviceModel& device, const DeviceCalibration& calibration, KernelKind kind) {
  const bool events = device.family == DeviceFamily::neuromorphic && kind == KernelKind::spiking_step;
  if (calibration.energy || events) return EnergySource::constants;
  return device.power.tdp ? EnergySource::power_limit : EnergySource::unknown;
}

double pJ_per_matrix_flop(const DeviceModel& device, DataType type, const EnergyParameters& energy) {
  if (is_wide(type)) return energy.vector_pJ_per_flop;
  return energy.matrix_pJ_per_flop * unit_bits(device, type) / unit_bits(DataType::bf16);
}

namespace {

// What the limit of the board says of FLOPs; of wide types, of this one.
EnergyParameters from_limit(const DeviceModel& device, DataType type) {
  const double joules_per_s = dynamic_budget_W(device) / rate_at_full_budget;
  const auto pJ_per_flop = [joules_per_s](double rate) { return rate > 0 ? joules_per_s / rate / pico : 0; };
  EnergyParameters energy;
  energy.matrix_pJ_per_flop = pJ_per_flop(
      best_rate(device, {DataType::bf16, DataType::fp16, DataType::fp8, DataType::int8}, DataType::bf16));
  energy.vector_pJ_per_flop = pJ_per_flop(
      best_rate(device, {DataType::fp32, DataType::fp64}, is_wide(type) ? type : DataType::fp32));
  // No rate of wide types is known: by their width, the least they can cost.
  if (!(energy.vector_pJ_per_flop > 0))
    energy.vector_pJ_per_flop = energy.matrix_pJ_per_flop * relative_width(DataType::fp32, DataType::bf16);
  energy.cache_pJ_per_bit = 0;
  return energy;
}

double memory_J(double bytes, const DeviceContext& context) {
  const DeviceModel& device = context.device;
  if (device.memory.energy) {
    const double die_pJ_per_bit = context.calibration.energy.value_or(EnergyParameters{}).die_pJ_per_bit;
    return bytes * (device.memory.energy->value + pico * bits_per_byte * die_pJ_per_bit);
  }
  if (const auto& energy = context.calibration.energy) return pico * bytes * bits_per_byte * energy->memory_pJ_per_bit;
  return bytes * memory_share_of_budget * dynamic_budget_W(device) / memory_rate(device);
}

}  // namespace

double memory_power_W(const DeviceContext& context) {
  const auto bandwidth = memory_bandwidth(context.device);
  return bandwidth ? memory_J(bandwidth->value, context) : 0;
}

void hold_to_limit(KernelTerms& terms, const DeviceContext& context) {
  const double limit_W = context.conditions == Conditions::sustained ? limited_budget_W(context.device) : 0;
  if (limit_W > 0) hold_to_limit(terms, limit_W);
}

double power_cap_W(const DeviceContext& context) {
  return context.conditions == Conditions::isolated ? 0 : dynamic_budget_W(context.device);
}

void add_energy(KernelTerms& terms, const Kernel& kernel, const Traffic& traffic, const DeviceContext& context) {
  if (energy_source(context.device, context.calibration, kernel.kind) == EnergySource::unknown) return;
  const EnergyParameters energy = context.calibration.energy ? *context.calibration.energy
                                                             : from_limit(context.device, kernel.type);
  terms.power_cap_W = power_cap_W(context);
  terms.compute_J = pico * (traffic.matrix_flops * pJ_per_matrix_flop(context.device, kernel.type, energy) +
                            traffic.vector_flops * energy.vector_pJ_per_flop +
                            traffic.cache_bytes * bits_per_byte * energy.cache_pJ_per_bit);
  terms.memory_J = memory_J(traffic.memory_bytes, context);
}

void add_memory_energy(KernelTerms& terms, KernelKind kind, double bytes, const DeviceContext& context) {
  if (energy_source(context.device, context.calibration, kind) != EnergySource::unknown)
    terms.memory_J += memory_J(bytes, context);
}

}  // namespace orrery
