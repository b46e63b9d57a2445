#include <cmath>

#include "sim/engine_core.hpp"

namespace orrery {

Timeline evaluate_analytic(const Cluster& cluster, const CostModel& costs, Governor& governor,
                           std::span<JobDriver* const> drivers) {
  EngineCore core(cluster, costs, governor, drivers, nullptr);
  core.start();
  while (!core.over()) {
    const double date = core.next_date();
    if (!core.can_go_on() || !std::isfinite(date)) core.stuck();
    core.advance(date);
  }
  return core.take_timeline();
}

}  // namespace orrery
