#include "kernels/energy.hpp"

#include "kernels/device_rates.hpp"

namespace orrery {

namespace {

constexpr double pico = 1e-12, bits_per_byte = 8;
constexpr double gpu_idle_share = 0.13;  // of the board limit, see the header
constexpr double memory_share_of_budget = 0.5;
constexpr double on_die_path_pJ_per_bit = 9.19;  // between registers and the interface of the memory, see the header
constexpr double rate_at_full_budget = 0.65;     // of the data sheet's peak, see the header

// Peak of 16-bit operands, which the constants are stated for; any rate the device has when it has no 16-bit unit.
double reference_rate(const DeviceModel& device, DataType type) {
  for (DataType wanted : {DataType::bf16, DataType::fp16})
    if (const auto peak = matrix_peak(device, wanted)) return peak->value;
  return matrix_rate(device, type);
}

}  // namespace

std::optional<Watts> idle_power(const DeviceModel& device) {
  if (device.power.idle || !device.power.tdp || device.family != DeviceFamily::gpu) return device.power.idle;
  return gpu_idle_share * *device.power.tdp;
}

double dynamic_budget_W(const DeviceModel& device) {
  if (!device.power.tdp) return 0;
  return (*device.power.tdp - idle_power(device).value_or(Watts(0))).value;
}

double limited_budget_W(const DeviceModel& device) {
  if (!device.power.limit) return 0;
  return (*device.power.limit - idle_power(device).value_or(Watts(0))).value;
}

EnergySource energy_source(const DeviceModel& device, const DeviceCalibration& calibration, KernelKind kind) {
  const bool events = device.family == DeviceFamily::neuromorphic && kind == KernelKind::spiking_step;
  if (calibration.energy || events) return EnergySource::constants;
  return device.power.tdp ? EnergySource::power_limit : EnergySource::unknown;
}

double pJ_per_matrix_flop(const DeviceModel& device, DataType type, const EnergyParameters& energy) {
  // Single precision without a matrix unit of its own runs on the vector units.
  if (type == DataType::fp32 && !device.peak.fp32_matrix) return energy.vector_pJ_per_flop;
  return energy.matrix_pJ_per_flop * unit_bits(type) / unit_bits(DataType::bf16);
}

namespace {

// Energy of the bytes that cross the memory's interface, where the device says what its memory takes.
std::optional<double> stated_memory_J(const DeviceModel& device, double bytes) {
  if (!device.memory.energy) return std::nullopt;
  return bytes * (device.memory.energy->value + pico * bits_per_byte * on_die_path_pJ_per_bit);
}

}  // namespace

double power_cap_W(const DeviceContext& context) {
  return context.conditions == Conditions::isolated ? 0 : dynamic_budget_W(context.device);
}

void add_energy(KernelTerms& terms, const Kernel& kernel, const Traffic& traffic, const DeviceContext& context) {
  const DeviceModel& device = context.device;
  const EnergySource source = energy_source(device, context.calibration, kernel.kind);
  if (source == EnergySource::unknown) return;
  const double budget = dynamic_budget_W(device);
  terms.power_cap_W = power_cap_W(context);
  if (!context.calibration.energy) {
    const double compute_rate = traffic.matrix_flops > 0 ? matrix_rate(device, kernel.type)
                                                         : vector_rate(device, kernel.type);
    terms.compute_J = (traffic.matrix_flops + traffic.vector_flops) * budget / (rate_at_full_budget * compute_rate);
    terms.memory_J = stated_memory_J(device, traffic.memory_bytes)
                         .value_or(traffic.memory_bytes * memory_share_of_budget * budget / memory_rate(device));
    return;
  }
  const EnergyParameters& energy = *context.calibration.energy;
  const double width = traffic.matrix_flops > 0 ? reference_rate(device, kernel.type) / matrix_rate(device, kernel.type)
                                                : 1.0;
  // fp32 products run on the vector units, however many of those a board has beside its matrix units.
  const double least = kernel.type == DataType::fp32 ? energy.vector_pJ_per_flop : 0;
  terms.compute_J = pico * (traffic.matrix_flops * std::max(energy.matrix_pJ_per_flop * width, least) +
                            traffic.vector_flops * energy.vector_pJ_per_flop +
                            traffic.cache_bytes * bits_per_byte * energy.cache_pJ_per_bit);
  terms.memory_J = stated_memory_J(device, traffic.memory_bytes)
                       .value_or(pico * traffic.memory_bytes * bits_per_byte * energy.memory_pJ_per_bit);
}

}  // namespace orrery
