// What every device family answers for one repeat of a kernel: the time each resource needs at the nominal operating point
// and the energy that goes with it. One rule, shared by all families, turns the terms into time at any operating point:
//   t = (launch + join(compute / clock, memory / memory factor)) / share,    join = maximum, or a p-norm (imperfect overlap)
// Launch time does not follow the clock. Dynamic energy of compute follows the square of voltage, taken as
// max(0.65, 0.2 + 0.8 clock) of nominal: a 20 % lower clock then saves 37 % of board power (published: 35-45 %).
// Where the memory alone would draw more than the board may in a long run, it waits.
// A power limit below the board's own lowers the clock of each kernel until it draws no more; what draws more even at a
// tenth of the clock waits. Boards regulate over tens of milliseconds: kernels beside a hungry one are slowed there as well.
#pragma once

#include <optional>

#include "kernels/calibration.hpp"
#include "sim/cost_model.hpp"

namespace orrery {

struct KernelTerms {
  double launch_s = 0, compute_s = 0, memory_s = 0;
  double compute_J = 0, memory_J = 0;
  double power_cap_W = 0;         // dynamic power at the nominal point never exceeds it; 0: no cap
  double limit_W = 0;             // an operator's limit of dynamic power, where the nominal point draws more; 0: none
  double highest_clock = 1;       // of nominal, that `limit_W` allows
  std::optional<double> overlap;  // exponent of the join
  bool calibrated = false;
  const char *compute_name = "compute", *memory_name = "memory";  // what the two are on this device, for bound_of
};

Cost cost_at(const KernelTerms&, const OperatingPoint&);  // of one repeat
// Where the terms draw more than an operator's limit: the clock at which they draw it. Dynamic power falls with the clock.
void hold_to_limit(KernelTerms&, double limit_W);
// Less than the silicon could do: nothing was measured there.
bool power_sets_time(const KernelTerms&);
const char* bound_of(const KernelTerms&);  // "power limit", "launch", or the name of the larger term

// What a family model sees of a device.
struct DeviceContext {
  const DeviceModel& device;
  const DeviceCalibration& calibration;
  Conditions conditions;
};
using FamilyModel = KernelTerms (*)(const Kernel&, const DeviceContext&);

// Matrix products of long runs go at the clock the board sustains, see calibration.hpp.
inline double sustained(const DeviceContext& context, DataType type) {
  return context.conditions == Conditions::isolated ? 1.0
                                                    : context.calibration.sustained[static_cast<std::size_t>(type)];
}

}  // namespace orrery
