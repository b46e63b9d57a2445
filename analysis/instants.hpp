// Devices that do the same reach an instant by sums of different order, so that its times differ in their last bits, and who
// ended last, or at the moment that another started, would be decided by rounding (and differently folded and unfolded).
// join_instants() gives all times of a Timeline that lie within a 1e-10th of its length one value, and orders the records
// again. An instant gathers no more than ten times that, so that what really follows in time stays apart.
#pragma once

#include "sim/timeline.hpp"

namespace orrery {

void join_instants(Timeline&);

}  // namespace orrery
