// What changes device speed while the run goes on: power caps, DVFS, thermal throttling, stragglers, interference between
// streams. The engine calls it when the activity of a device changes and at the timer it asked for; only a *change* of
// operating point re-times a running Compute (remaining fraction x new duration).
#pragma once

#include <limits>

#include "sim/cost_model.hpp"
#include "sim/ids.hpp"
#include "sim/units.hpp"

namespace orrery {

struct Activity {
  bool computing = false;
  int transfers = 0;       // in flight on any stream of the device
  Watts dynamic_power{0};  // of the running Compute at its present operating point
};

struct Setting {
  OperatingPoint point;
  Watts static_power{0};                                     // drawn from now on whatever the device does
  Seconds wake_at{std::numeric_limits<double>::infinity()};  // call again then, at the latest
};

class Governor {
 public:
  virtual ~Governor() = default;
  virtual Setting set(DeviceId, const Activity&, Seconds now) = 0;
};

}  // namespace orrery
