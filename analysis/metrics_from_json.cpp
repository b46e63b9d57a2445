#include "analysis/metrics_from_json.hpp"

#include <algorithm>
#include <limits>

#include "analysis/memory_profile.hpp"

namespace orrery {
namespace {

double number(const Json& object, const char* key, double otherwise = 0) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number() ? at->get<double>() : otherwise;
}

std::optional<double> optional_number(const Json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_number()) return std::nullopt;
  return at->get<double>();
}

std::map<std::string, double> named(const Json& object, const char* key) {
  std::map<std::string, double> all;
  const auto at = object.find(key);
  if (at == object.end() || !at->is_object()) return all;
  for (const auto& [name, value] : at->items())
    if (value.is_number()) all[name] = value.get<double>();
  return all;
}

StageMetrics stage_from_json(const Json& json) {
  StageMetrics s;
  s.stage = static_cast<int>(number(json, "stage"));
  s.devices = number(json, "devices");
  s.compute_s = number(json, "compute_s");
  s.exposed_communication_s = number(json, "exposed_communication_s");
  s.bubble_s = number(json, "bubble_s");
  s.other_s = number(json, "other_s");
  s.waiting_s = number(json, "waiting_s");
  s.compute_by_kernel_s = named(json, "compute_by_kernel_s");
  s.calibrated_by_kernel_s = named(json, "calibrated_by_kernel_s");
  s.compute_by_phase_s = named(json, "compute_by_phase_s");
  s.exposed_by_collective_s = named(json, "exposed_by_collective_s");
  s.exposed_between_nodes_s = number(json, "exposed_between_nodes_s");
  s.communication_by_collective_s = named(json, "communication_by_collective_s");
  s.memory_peak_bytes = number(json, "memory_peak_bytes");
  s.memory_capacity_bytes = number(json, "memory_capacity_bytes");
  const auto held = named(json, "memory_peak_by_category_bytes");
  for (std::size_t i = 0; i < s.memory_peak_by_category_bytes.size(); ++i) {
    const auto at = held.find(std::string(memory_category_names[i]));
    if (at != held.end()) s.memory_peak_by_category_bytes[i] = at->second;
  }
  return s;
}

CostMetrics cost_from_json(const Json& json) {
  CostMetrics cost;
  const auto basis = json.find("basis");
  if (basis != json.end() && basis->is_string()) cost.basis = basis->get<std::string>();
  cost.iteration_USD = number(json, "iteration_USD");
  cost.iteration_low_USD = number(json, "iteration_low_USD");
  cost.iteration_high_USD = number(json, "iteration_high_USD");
  cost.electricity_USD = number(json, "electricity_USD");
  cost.per_million_tokens_USD = optional_number(json, "per_million_tokens_USD");
  cost.training_USD = optional_number(json, "training_USD");
  cost.training_low_USD = optional_number(json, "training_low_USD");
  cost.training_high_USD = optional_number(json, "training_high_USD");
  return cost;
}

void add(std::map<std::string, double>& into, const std::map<std::string, double>& part, double weight) {
  for (const auto& [name, value] : part) into[name] += weight * value;
}

GoodputMetrics reliability_from_json(const Json& json) {
  GoodputMetrics r;
  const auto basis = json.find("basis");
  if (basis != json.end() && basis->is_string()) r.basis = basis->get<std::string>();
  r.goodput = number(json, "goodput");
  r.mtbf_s = number(json, "mtbf_s");
  r.checkpoint_interval_s = number(json, "checkpoint_interval_s");
  r.best_checkpoint_interval_s = number(json, "best_checkpoint_interval_s");
  r.time_to_train_s = optional_number(json, "time_to_train_s");
  return r;
}

}  // namespace

StageMetrics mean_of(const std::vector<StageMetrics>& stages) {
  StageMetrics mean;
  mean.stage = -1;
  for (const StageMetrics& s : stages) mean.devices += s.devices;
  const StageMetrics* fullest = nullptr;
  for (const StageMetrics& s : stages) {
    const double weight = mean.devices > 0 ? s.devices / mean.devices : 0;
    mean.compute_s += weight * s.compute_s;
    mean.exposed_communication_s += weight * s.exposed_communication_s;
    mean.bubble_s += weight * s.bubble_s;
    mean.other_s += weight * s.other_s;
    mean.waiting_s += weight * s.waiting_s;
    add(mean.compute_by_kernel_s, s.compute_by_kernel_s, weight);
    add(mean.calibrated_by_kernel_s, s.calibrated_by_kernel_s, weight);
    add(mean.compute_by_phase_s, s.compute_by_phase_s, weight);
    add(mean.exposed_by_collective_s, s.exposed_by_collective_s, weight);
    mean.exposed_between_nodes_s += weight * s.exposed_between_nodes_s;
    add(mean.communication_by_collective_s, s.communication_by_collective_s, weight);
    const auto room = [](const StageMetrics& of) {
      return memory_room(of.memory_capacity_bytes, of.memory_peak_bytes);
    };
    if (!fullest || room(s) < room(*fullest)) fullest = &s;
  }
  if (!fullest) return mean;
  mean.memory_peak_by_category_bytes = fullest->memory_peak_by_category_bytes;
  mean.memory_peak_bytes = fullest->memory_peak_bytes;
  mean.memory_capacity_bytes = fullest->memory_capacity_bytes;
  return mean;
}

JobMetrics job_metrics_from_json(const std::string& name, const Json& json) {
  JobMetrics job;
  job.name = name;
  const auto convention = json.find("flop_convention");
  if (convention != json.end() && convention->is_string()) job.flop_convention = convention->get<std::string>();
  job.devices = number(json, "devices");
  job.devices_by_model = named(json, "devices_by_model");
  job.iteration_s = number(json, "iteration_s");
  job.iteration_s_low = optional_number(json, "iteration_s_low");
  job.iteration_s_high = optional_number(json, "iteration_s_high");
  job.measured_iterations = static_cast<int>(number(json, "measured_iterations", 1));
  const auto iterations = json.find("iterations_s");
  if (iterations != json.end() && iterations->is_array())
    for (const Json& s : *iterations)
      if (s.is_number()) job.iterations_s.push_back(s.get<double>());
  job.samples_per_s = number(json, "samples_per_s");
  job.tokens_per_s = number(json, "tokens_per_s");
  job.tokens_per_s_per_device = number(json, "tokens_per_s_per_device");
  job.model_flops = number(json, "model_flops");
  job.hardware_flops = number(json, "hardware_flops");
  job.model_tflops_per_device = optional_number(json, "model_tflops_per_device");
  job.hardware_tflops_per_device = optional_number(json, "hardware_tflops_per_device");
  job.mfu = optional_number(json, "mfu");
  job.hfu = optional_number(json, "hfu");
  job.compute_s = number(json, "compute_s");
  job.exposed_communication_s = number(json, "exposed_communication_s");
  job.bubble_s = number(json, "bubble_s");
  job.other_s = number(json, "other_s");
  job.waiting_s = number(json, "waiting_s");
  const double without_energy = job.iteration_s > 0 ? std::numeric_limits<double>::quiet_NaN() : 0;  // a null
  job.energy_J = number(json, "energy_J", without_energy);
  const auto sources = named(json, "energy_by_source_J");
  const auto source = [&](const char* key) { return sources.contains(key) ? sources.at(key) : 0.0; };
  job.energy = {source("compute"), source("transfer"), source("static"), source("host"), source("network")};
  job.average_power_W = number(json, "average_power_W");
  job.memory_peak_bytes = number(json, "memory_peak_bytes");
  job.shortfall_bytes = number(json, "memory_shortfall_bytes");
  if (const auto pools = json.find("memory_pools"); pools != json.end() && pools->is_object())
    job.memory_pools = MemoryPoolMetrics{pools->value("fullest", std::string()), pools->value("pools", 0),
                                         pools->value("too_small", 0), number(*pools, "capacity_bytes"),
                                         number(*pools, "peak_bytes")};
  const auto feasible = json.find("feasible");
  job.feasible = feasible == json.end() || !feasible->is_boolean() || feasible->get<bool>();
  job.calibrated_share = number(json, "calibrated_share", 1);
  job.time_to_train_s = optional_number(json, "time_to_train_s");
  job.energy_to_train_J = optional_number(json, "energy_to_train_J");
  const auto cost = json.find("cost");
  if (cost != json.end() && cost->is_object()) job.cost = cost_from_json(*cost);
  const auto reliability = json.find("reliability");
  if (reliability != json.end() && reliability->is_object()) job.reliability = reliability_from_json(*reliability);
  const auto stages = json.find("stages");
  if (stages != json.end() && stages->is_array())
    for (const Json& stage : *stages)
      if (stage.is_object()) job.stages.push_back(stage_from_json(stage));
  job.mean = mean_of(job.stages);
  return job;
}

}  // namespace orrery
