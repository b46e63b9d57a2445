#include "analysis/cost.hpp"

#include "analysis/metrics.hpp"

namespace orrery {

CostMetrics cost_of(const JobMetrics& job, const CostInputs& in) {
  CostMetrics cost;
  cost.basis = in.basis;
  cost.electricity_USD = job.energy_J * in.pue * in.electricity_USD_per_J;
  const auto iteration = [&](double rate) { return rate * job.iteration_s + cost.electricity_USD; };
  cost.iteration_USD = iteration(in.devices_USD_per_s);
  cost.iteration_low_USD = iteration(in.devices_low_USD_per_s);
  cost.iteration_high_USD = iteration(in.devices_high_USD_per_s);
  if (job.iteration_s <= 0) return cost;
  if (job.tokens_per_s > 0)
    cost.per_million_tokens_USD = cost.iteration_USD / (job.tokens_per_s * job.iteration_s) * 1e6;
  if (!job.time_to_train_s) return cost;
  const double iterations = *job.time_to_train_s / job.iteration_s;
  cost.training_USD = cost.iteration_USD * iterations;
  cost.training_low_USD = cost.iteration_low_USD * iterations;
  cost.training_high_USD = cost.iteration_high_USD * iterations;
  return cost;
}

}  // namespace orrery
