// From a Timeline to numbers. Every number has a unit in its name and a one-line definition (see metric_definitions).
// The time of a device splits, over one iteration, into
//   compute                 its compute queue is busy
//   exposed communication   its compute queue is idle while a transfer it takes part in is in flight
//   bubble                  idle with no own transfer in flight, between its first and last operation of the iteration
//   other                   the rest (before its first and after its last operation)
// and the four sum to iteration_s to 1e-9. Published figures are means over devices (weighted by how many each
// representative stands for).
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/cost_model.hpp"
#include "sim/timeline.hpp"

namespace orrery {

// What the workload says of one iteration of a job; needed to turn times into rates.
struct JobFacts {
  std::string name;
  double devices = 0;
  double samples = 0, tokens = 0;          // per iteration, all devices; 0 = does not apply
  double model_flops = 0;                  // per iteration, all devices; recomputation not counted
  double peak_flops_per_device = 0;        // at the job's precision, for MFU; 0 = unknown
  std::string flop_convention;             // "6N + causal attention"
  std::optional<double> training_tokens;   // for time to train
};

struct StageMetrics {  // one pipeline stage (mean over its devices)
  int stage = 0;
  double devices = 0;
  double compute_s = 0, exposed_communication_s = 0, bubble_s = 0, other_s = 0;
  std::map<std::string, double> compute_by_kernel_s;        // by kernel kind, "host launch" included; sums to compute_s
  std::map<std::string, double> compute_by_phase_s;         // forward, backward, recompute, optimizer
  std::map<std::string, double> exposed_by_collective_s;    // "all_reduce (tensor-parallel)"; sums to exposed_communication_s
  std::map<std::string, double> communication_by_collective_s;  // in flight, hidden or not
  std::array<double, 5> memory_peak_by_category_bytes{};    // at the moment of the peak, by MemoryCategory
  double memory_peak_bytes = 0, memory_capacity_bytes = 0;  // capacity 0 = unknown
};

struct JobMetrics {
  std::string name;
  double devices = 0;
  double iteration_s = 0;
  std::vector<double> iterations_s;        // every simulated iteration
  double samples_per_s = 0, tokens_per_s = 0, tokens_per_s_per_device = 0;
  double model_flops = 0, hardware_flops = 0;               // per iteration, all devices
  std::optional<double> model_tflops_per_device, hardware_tflops_per_device, mfu, hfu;
  double compute_s = 0, exposed_communication_s = 0, bubble_s = 0, other_s = 0;  // device means
  double energy_J = 0, average_power_W = 0;                 // of one iteration, all devices of the job (host share included)
  double memory_peak_bytes = 0;                             // worst device
  bool feasible = true;
  double shortfall_bytes = 0;                               // worst device: peak - capacity when it does not fit
  double calibrated_share = 1;                              // share of compute time inside the calibrated range
  std::optional<double> time_to_train_s;
  std::vector<StageMetrics> stages;
};

struct Metrics {
  std::vector<JobMetrics> jobs;
  double end_s = 0;
  double energy_J = 0, average_power_W = 0;                 // everything simulated
  double link_bytes = 0;                                    // bytes x links crossed
  std::uint64_t simulated_events = 0;
};

Metrics measure(const Timeline&, const Cluster&, const CostModel&, const std::vector<JobFacts>&);

}  // namespace orrery
