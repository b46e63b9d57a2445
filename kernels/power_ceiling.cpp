#include "kernels/power_ceiling.hpp"

#include <algorithm>

#include "kernels/energy.hpp"

namespace orrery {

double full_power_W(const DeviceModel& device, DataType type, const std::optional<EnergyParameters>& energy) {
  const auto peak = matrix_peak(device, type);
  return energy && peak ? pJ_per_matrix_flop(device, type, *energy) * 1e-12 * peak->value : 0;
}

double power_ceiling(const DeviceModel& device, DataType type, const std::optional<EnergyParameters>& energy) {
  const double full_power = full_power_W(device, type, energy), budget = dynamic_budget_W(device);
  return full_power > 0 && budget > 0 ? std::min(1.0, budget / full_power) : 1.0;
}

}  // namespace orrery
