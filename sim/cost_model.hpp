// What a piece of work costs on a device: the engine's only question to kernels/. Pure: the same arguments give the same
// answer. Raises SpecError when the device lacks a figure the kernel needs (for instance an unsupported data type).
#pragma once

#include <span>
#include <vector>

#include "sim/ids.hpp"
#include "sim/kernel.hpp"
#include "sim/units.hpp"

namespace orrery {

// Where a device runs now, relative to nominal. `share` < 1 slows everything (interference from other streams).
struct OperatingPoint {
  double clock = 1, memory = 1, share = 1;
  friend bool operator==(const OperatingPoint&, const OperatingPoint&) = default;
};

struct Cost {
  Seconds time{0};
  Joules energy{0};  // dynamic; idle power is the governor's
};

struct KernelCost {
  Cost cost;               // device time and energy of all its repeats
  const char* bound = "";  // the resource that limits it: "compute", "memory", "launch", ...
  bool calibrated = true;  // inside the range its parameters were fitted on
};

class CostModel {
 public:
  virtual ~CostModel() = default;
  // Kernels launched back to back, including the launch cost that the device has to wait for.
  virtual Cost sequence(DeviceTypeId, std::span<const Kernel>, const OperatingPoint&) const = 0;
  // One entry per kernel; returns the host time that the device had to wait for, so that the entries and the returned time
  // sum to sequence().time at the same operating point.
  virtual Seconds breakdown(DeviceTypeId, std::span<const Kernel>, const OperatingPoint&,
                            std::vector<KernelCost>& kernels) const = 0;
};

}  // namespace orrery
