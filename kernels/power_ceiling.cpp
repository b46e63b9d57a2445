#include "kernels/power_ceiling.hpp"

#include <algorithm>

#include "kernels/energy.hpp"

namespace orrery {

double power_ceiling(const DeviceModel& device, DataType type, const std::optional<EnergyParameters>& energy) {
  const auto peak = matrix_peak(device, type);
  const double budget = dynamic_budget_W(device);
  if (!energy || !peak || budget <= 0) return 1;
  const double full_power = pJ_per_matrix_flop(type, *energy) * 1e-12 * peak->value;
  return full_power > 0 ? std::min(1.0, budget / full_power) : 1.0;
}

}  // namespace orrery
