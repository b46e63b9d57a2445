// From a Timeline to numbers. Every number has a unit in its name and a one-line definition.
// The time of a device splits, over one iteration, into
//   compute                 a Compute runs on its compute stream
//   exposed communication   its compute stream is idle while a transfer it takes part in is in flight
//   bubble                  idle with no own transfer in flight, waiting for another pipeline stage as long as it would if no
//                           device or link were slow: what the schedule costs, fill and drain included
//   other                   the rest; `waiting` is the part of it that slow devices and links cause
// and the four sum to iteration_s to 1e-9 (analysis/idle_causes.hpp tells whether a wait was for another device,
// analysis/even_pace.hpp bubble from waiting). Published figures are means
// over devices (weighted by how many each representative stands for). When several transfers are in flight, the exposed
// instant is charged to the one that ends last: it is the one that still has to finish. Figures of a job are means over its
// measured iterations, the last ones it completed.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/cost.hpp"
#include "analysis/goodput.hpp"
#include "analysis/memory_pools.hpp"
#include "sim/cluster.hpp"
#include "sim/cost_model.hpp"
#include "sim/timeline.hpp"

namespace orrery {

// What the workload says of one iteration of a job; needed to turn times into rates.
struct JobFacts {
  std::string name;
  double devices = 0;                     // 0 = as many as the representatives stand for
  double samples = 0, tokens = 0;         // per iteration, all devices; 0 = does not apply
  double model_flops = 0;                 // per iteration, all devices; recomputation not counted
  double peak_flops_per_device = 0;       // at the job's precision, for MFU; 0 = unknown
  std::string flop_convention;            // "6N + causal attention"
  std::optional<double> training_tokens;  // for time to train
  int measured_iterations = 1;            // the last completed ones
};

struct StageMetrics {  // one pipeline stage: times are means over its devices, memory is of its fullest device
  int stage = 0;
  double devices = 0;
  double compute_s = 0, exposed_communication_s = 0, bubble_s = 0, other_s = 0, waiting_s = 0;
  std::map<std::string, double> compute_by_kernel_s;     // by kernel kind, "host launch" included; sums to compute_s
  std::map<std::string, double> calibrated_by_kernel_s;  // the part of it inside the calibrated range
  std::map<std::string, double> compute_by_phase_s;      // forward, backward, recompute, optimizer
  std::map<std::string, double>
      exposed_by_collective_s;         // "all_reduce (tensor-parallel)"; sums to exposed_communication_s
  double exposed_between_nodes_s = 0;  // the part of exposed_communication_s in transfers from node to node
  std::map<std::string, double> communication_by_collective_s;  // in flight, hidden or not
  std::array<double, 5> memory_peak_by_category_bytes{};        // at the moment of the peak, by MemoryCategory
  double memory_peak_bytes = 0, memory_capacity_bytes = 0;      // capacity 0 = unknown
};

struct EnergyMetrics {    // of one iteration, all devices of the job
  double compute_J = 0;   // dynamic energy of kernels; not a number: unknown
  double transfer_J = 0;  // dynamic energy of links
  double static_J = 0;    // idle and leakage power of devices, prorated from the whole run
  double host_J = 0;      // share of host, fans and NICs
  double network_J = 0;   // equal share per device of the fabric's switches, cables and NICs not counted with the hosts
  double total() const { return compute_J + transfer_J + static_J + host_J + network_J; }
};

struct JobMetrics {
  std::string name, flop_convention;
  double devices = 0;
  std::map<std::string, double> devices_by_model;  // "NVIDIA A100" -> how many
  double iteration_s = 0;                          // mean of the measured ones; 0 = none was completed
  int measured_iterations = 1;
  std::optional<double> iteration_s_low, iteration_s_high;  // nominal 90 % band, when errors of its parts are known
  std::vector<double> iterations_s;                         // every completed iteration
  double samples_per_s = 0, tokens_per_s = 0, tokens_per_s_per_device = 0;
  double model_flops = 0, hardware_flops = 0;  // per iteration, all devices
  std::optional<double> model_tflops_per_device, hardware_tflops_per_device, mfu, hfu;
  double compute_s = 0, exposed_communication_s = 0, bubble_s = 0, other_s = 0, waiting_s = 0;  // device means
  EnergyMetrics energy;
  // Of one iteration, all devices of the job, with their shares of hosts and network; not a number: a part is unknown.
  double energy_J = 0, average_power_W = 0;
  double memory_peak_bytes = 0;                   // worst device
  std::optional<MemoryPoolMetrics> memory_pools;  // with offload to a pool; beside other jobs, what all keep there
  bool feasible = true;                           // every device holds its peak, and so does every memory pool
  double shortfall_bytes = 0;                     // worst device or pool: peak - capacity when it does not fit
  double calibrated_share = 1;                    // share of kernel time inside the calibrated range
  std::optional<double> time_to_train_s, energy_to_train_J;  // with training_tokens
  std::optional<CostMetrics> cost;                           // where prices are known
  std::optional<GoodputMetrics> reliability;                 // where failures are asked for
  std::vector<StageMetrics> stages;                          // in order of stage
  StageMetrics mean;  // over all devices; stage = -1, memory of the fullest device

  // The pool that shortfall_bytes is of; null: a device's, or nothing is missing.
  const MemoryPoolMetrics* short_pool() const {
    const bool pool = memory_pools && memory_pools->too_small > 0 && memory_pools->shortfall_bytes() >= shortfall_bytes;
    return pool ? &*memory_pools : nullptr;
  }
};

struct Metrics {
  std::vector<JobMetrics> jobs;
  double end_s = 0;
  double energy_J = 0, average_power_W = 0;  // everything simulated, on the devices that programs name
  double link_bytes = 0;                     // bytes x links crossed
  std::uint64_t simulated_events = 0;
  bool feasible() const;  // every job is
};

// One JobMetrics per entry of `facts`, by FragmentRecord.job.
Metrics measure(const Timeline&, const Cluster&, const CostModel&, const std::vector<JobFacts>&);
// Adds what the fabric draws all the time, an equal share for every device.
void add_network_power(Metrics&, Watts per_device);

}  // namespace orrery
