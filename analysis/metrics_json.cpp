#include <cmath>

#include "analysis/report.hpp"

namespace orrery {
namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
Json number(std::optional<double> value) { return value ? number(*value) : Json(nullptr); }
// For figures whose zero means that they could not be computed.
Json known(double value) { return value > 0 ? number(value) : Json(nullptr); }

Json named(const std::map<std::string, double>& values) {
  Json all = Json::object();
  for (const auto& [name, value] : values) all[name] = number(value);
  return all;
}

Json by_category(const std::array<double, 5>& bytes) {
  Json all = Json::object();
  for (std::size_t i = 0; i < bytes.size(); ++i) all[std::string(memory_category_names[i])] = number(bytes[i]);
  return all;
}

Json stage_json(const StageMetrics& s) {
  Json json;
  json["stage"] = s.stage;
  json["devices"] = number(s.devices);
  json["compute_s"] = number(s.compute_s);
  json["exposed_communication_s"] = number(s.exposed_communication_s);
  json["bubble_s"] = number(s.bubble_s);
  json["other_s"] = number(s.other_s);
  json["waiting_s"] = number(s.waiting_s);
  json["compute_by_kernel_s"] = named(s.compute_by_kernel_s);
  json["calibrated_by_kernel_s"] = named(s.calibrated_by_kernel_s);
  json["compute_by_phase_s"] = named(s.compute_by_phase_s);
  json["exposed_by_collective_s"] = named(s.exposed_by_collective_s);
  json["exposed_between_nodes_s"] = number(s.exposed_between_nodes_s);
  json["communication_by_collective_s"] = named(s.communication_by_collective_s);
  json["memory_peak_bytes"] = number(s.memory_peak_bytes);
  json["memory_peak_by_category_bytes"] = by_category(s.memory_peak_by_category_bytes);
  json["memory_capacity_bytes"] = known(s.memory_capacity_bytes);
  return json;
}

Json cost_json(const CostMetrics& cost) {
  return {{"basis", cost.basis},
          {"iteration_USD", number(cost.iteration_USD)},
          {"iteration_low_USD", number(cost.iteration_low_USD)},
          {"iteration_high_USD", number(cost.iteration_high_USD)},
          {"electricity_USD", number(cost.electricity_USD)},
          {"per_million_tokens_USD", number(cost.per_million_tokens_USD)},
          {"training_USD", number(cost.training_USD)},
          {"training_low_USD", number(cost.training_low_USD)},
          {"training_high_USD", number(cost.training_high_USD)}};
}

Json reliability_json(const GoodputMetrics& r) {
  return {{"basis", r.basis},
          {"goodput", number(r.goodput)},
          {"mtbf_s", number(r.mtbf_s)},
          {"checkpoint_interval_s", number(r.checkpoint_interval_s)},
          {"best_checkpoint_interval_s", number(r.best_checkpoint_interval_s)},
          {"time_to_train_s", number(r.time_to_train_s)}};
}

Json memory_pools_json(const MemoryPoolMetrics& pools) {
  return {{"fullest", pools.name},
          {"pools", pools.pools},
          {"too_small", pools.too_small},
          {"capacity_bytes", number(pools.capacity_bytes)},
          {"peak_bytes", number(pools.peak_bytes)},
          {"shortfall_bytes", number(pools.shortfall_bytes())}};
}

}  // namespace

Json metrics_json(const JobMetrics& job) {
  const bool timed = job.iteration_s > 0;  // without an iteration there is no time to split and no rate
  const auto if_timed = [timed](double value) { return timed ? number(value) : Json(nullptr); };
  Json json;
  json["iteration_s"] = known(job.iteration_s);
  json["iteration_s_low"] = number(job.iteration_s_low);
  json["iteration_s_high"] = number(job.iteration_s_high);
  json["measured_iterations"] = timed ? Json(job.measured_iterations) : Json(nullptr);
  json["warm_up_iterations"] = static_cast<int>(job.iterations_s.size()) - (timed ? job.measured_iterations : 0);
  json["iterations_s"] = Json::array();  // warm-up first
  for (const double s : job.iterations_s) json["iterations_s"].push_back(number(s));
  json["tokens_per_s"] = known(job.tokens_per_s);
  json["tokens_per_s_per_device"] = known(job.tokens_per_s_per_device);
  json["samples_per_s"] = known(job.samples_per_s);
  json["model_tflops_per_device"] = number(job.model_tflops_per_device);
  json["hardware_tflops_per_device"] = number(job.hardware_tflops_per_device);
  json["mfu"] = number(job.mfu);
  json["hfu"] = number(job.hfu);
  json["model_flops"] = known(job.model_flops);
  json["hardware_flops"] = known(job.hardware_flops);
  json["flop_convention"] = job.flop_convention.empty() ? Json(nullptr) : Json(job.flop_convention);
  json["compute_s"] = if_timed(job.compute_s);
  json["exposed_communication_s"] = if_timed(job.exposed_communication_s);
  json["bubble_s"] = if_timed(job.bubble_s);
  json["other_s"] = if_timed(job.other_s);
  json["waiting_s"] = if_timed(job.waiting_s);
  json["energy_J"] = if_timed(job.energy_J);
  json["energy_by_source_J"] = {{"compute", if_timed(job.energy.compute_J)},
                                {"transfer", if_timed(job.energy.transfer_J)},
                                {"static", if_timed(job.energy.static_J)},
                                {"host", if_timed(job.energy.host_J)},
                                {"network", if_timed(job.energy.network_J)}};
  json["average_power_W"] = if_timed(job.average_power_W);
  json["peak_temperature_C"] = nullptr;
  json["memory_peak_bytes"] = number(job.memory_peak_bytes);
  json["memory_shortfall_bytes"] = number(job.shortfall_bytes);
  json["memory_pools"] = job.memory_pools ? memory_pools_json(*job.memory_pools) : Json(nullptr);
  json["feasible"] = job.feasible;
  json["devices"] = number(job.devices);
  json["devices_by_model"] = named(job.devices_by_model);
  json["calibrated_share"] = if_timed(job.calibrated_share);
  json["scaling_efficiency"] = nullptr;
  json["time_to_train_s"] = number(job.time_to_train_s);
  json["energy_to_train_J"] = number(job.energy_to_train_J);
  json["cost_USD"] = job.cost ? number(job.cost->training_USD) : Json(nullptr);
  json["cost"] = job.cost && timed ? cost_json(*job.cost) : Json(nullptr);
  json["goodput"] = job.reliability ? number(job.reliability->goodput) : Json(nullptr);
  json["reliability"] = job.reliability ? reliability_json(*job.reliability) : Json(nullptr);
  json["stages"] = Json::array();
  for (const StageMetrics& stage : job.stages) json["stages"].push_back(stage_json(stage));
  return json;
}

Json metrics_json(const Metrics& metrics) {
  Json totals;
  totals["end_s"] = number(metrics.end_s);
  totals["link_bytes"] = number(metrics.link_bytes);
  totals["simulated_events"] = metrics.simulated_events;
  Json json;
  json["feasible"] = metrics.feasible();
  if (metrics.jobs.size() == 1) {
    json["metrics"] = metrics_json(metrics.jobs.front());
  } else {
    json["metrics"]["energy_J"] = number(metrics.energy_J);
    json["metrics"]["average_power_W"] = metrics.end_s > 0 ? number(metrics.average_power_W) : Json(nullptr);
  }
  json["metrics"].update(totals);
  json["jobs"] = Json::array();
  for (const JobMetrics& job : metrics.jobs)
    json["jobs"].push_back({{"name", job.name}, {"metrics", metrics_json(job)}});
  return json;
}

}  // namespace orrery
