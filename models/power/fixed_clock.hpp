// The simplest governor: every device at its nominal clock, drawing its idle power all the time, and slowed a little while
// it computes and communicates at once (the two share SMs and memory bandwidth).
// The slowdown is the beta of T = max(C, X) + beta min(C, X): 0.05-0.1 explains FSDP steps on A100 and H100 (fms-fsdp
// 0-0.05, torchtitan 0.1-0.2, llm-foundry indifferent); 0.07 for every device until more is known. Idle power: see
// kernels/energy.hpp; a device without it draws none here, and the run says so.
#pragma once

#include "kernels/energy.hpp"
#include "sim/activity_governor.hpp"
#include "sim/cluster.hpp"

namespace orrery {

class FixedClockGovernor : public ActivityGovernor {
 public:
  static constexpr double interference = 0.07;
  explicit FixedClockGovernor(const Cluster& cluster) : cluster_(cluster) {}
  Setting set(DeviceId device, const Activity& activity, Seconds) override {
    Setting setting;
    if (activity.computing && activity.transfers > 0) setting.point.share = 1 - interference;
    setting.static_power = idle_power(cluster_.model_of(device)).value_or(Watts(0));
    return setting;
  }

 private:
  const Cluster& cluster_;
};

}  // namespace orrery
