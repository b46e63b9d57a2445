// What one device did during the measured iterations of a job: the split of its time and who is charged for each part.
// Dense arrays, reused from device to device, so that a large job costs no memory per device.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/even_pace.hpp"
#include "analysis/idle_causes.hpp"
#include "analysis/job_view.hpp"
#include "analysis/kernel_profile.hpp"
#include "analysis/time_split.hpp"

namespace orrery {

// Communication is told apart by collective and by the stream it occupies, "all_reduce (tensor-parallel)", and by whether
// it leaves a node.
inline constexpr std::size_t communication_class_count = collective_names.size() * stream_count * 2;
constexpr std::size_t communication_class(CollectiveKind kind, Stream stream, bool leaves_node) {
  return (static_cast<std::size_t>(kind) * stream_count + static_cast<std::size_t>(stream)) * 2 + (leaves_node ? 1 : 0);
}
// Copies to a memory pool leave their node, but for no other.
constexpr bool between_nodes(std::size_t communication_class) {
  const auto stream = static_cast<Stream>(communication_class / 2 % stream_count);
  return communication_class % 2 == 1 && stream != Stream::copy && stream != Stream::copy_back;
}
std::string communication_class_name(std::size_t communication_class);  // the same whether it leaves a node or not

struct DeviceActivity {
  TimeSplit time;
  std::array<double, kernel_class_count> compute_by_kernel{}, calibrated_by_kernel{};
  std::array<double, phase_names.size()> compute_by_phase{};
  std::array<double, communication_class_count> exposed{}, in_flight{};
  double bubble_s = 0;                     // of what it was idle for others; the rest is waiting for slower devices
  double flops = 0, compute_energy_J = 0;  // of one such device

  void add(const DeviceActivity&, double weight);
};

class ActivityMeter {
 public:
  ActivityMeter(const JobView& view, const Cluster& cluster, KernelProfiles& profiles)
      : view_(view),
        cluster_(cluster),
        profiles_(profiles),
        index_(view),
        causes_(view, index_),
        even_(view, cluster, profiles, index_) {}
  DeviceActivity of(std::size_t device);

 private:
  double bubble_s(std::size_t device, const TimeSplit&) const;
  bool leaves_node(const Program&, PatternId);
  void add_compute(std::uint32_t record, double share_in_window, DeviceId, bool on_compute_stream, DeviceActivity&);

  const JobView& view_;
  const Cluster& cluster_;
  KernelProfiles& profiles_;
  RecordIndex index_;
  IdleCauses causes_;
  EvenPace even_;
  std::map<const Program*, std::vector<std::optional<bool>>> leaves_;  // by pattern; only looked up
  std::vector<Interval> compute_, transfers_;
};

}  // namespace orrery
