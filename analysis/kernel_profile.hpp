// How the time of a Compute splits over its kernels, from the cost model at the speed of its device (a slow clock stretches
// what computes, not what waits for memory or the host), remembered per sequence, device type and speed. Recorded durations
// may differ (streams that interfere): shares are scaled to them, which is exact when all kernels stretch alike.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/cost_model.hpp"
#include "sim/program.hpp"

namespace orrery {

// Classes of kernel time: one per KernelKind, then the two below.
inline constexpr std::size_t host_launch_class = kernel_kind_names.size();  // the device waited for the host
inline constexpr std::size_t unknown_class = host_launch_class + 1;  // recorded time of a sequence that costs none
inline constexpr std::size_t kernel_class_count = unknown_class + 1;
std::string_view kernel_class_name(std::size_t kernel_class);

struct KernelShare {
  std::size_t kernel_class = 0;
  double share = 0;       // of the Compute's duration
  double calibrated = 0;  // the part of it in kernels inside the calibrated range
};

struct KernelProfile {
  std::vector<KernelShare> shares;  // sums to 1
  double counted_flops = 0;         // of one execution: kinds whose FLOPs count as hardware FLOPs
  double time_s = 0;                // of one execution, as the cost model has it
};

// FLOPs are counted where the field counts them: matrix multiplications, attention, convolutions, and the kernels that
// scientific workloads are rated by. Elementwise, normalization, softmax and the like are not.
bool counts_flops(KernelKind);

// Of its clock, of nominal.
inline double speed_of(const Cluster& cluster, DeviceId device) {
  return cluster.speed.empty() ? 1 : cluster.speed[device.index()];
}

class KernelProfiles {
 public:
  explicit KernelProfiles(const CostModel& costs) : costs_(costs) {}
  const KernelProfile& of(const Program&, SequenceId, DeviceTypeId, double speed);

 private:
  KernelProfile compute(const Program&, SequenceId, DeviceTypeId, double speed);

  const CostModel& costs_;
  using Key = std::tuple<const Program*, DeviceTypeId, double>;
  std::map<Key, std::vector<KernelProfile>> known_;  // only looked up
  Key last_key_;
  std::vector<KernelProfile>* last_ = nullptr;
  std::vector<KernelCost> scratch_;
};

}  // namespace orrery
