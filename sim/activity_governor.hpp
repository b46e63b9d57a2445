// A governor that looks at nothing but what the device does now: its point follows from `computing` and `transfers`, its
// static power never changes, and it never asks to be woken. The engine may ask it out of turn, and need not ask where it
// knows the answer, so passes that nothing disturbs are not walked event by event.
#pragma once

#include "sim/governor.hpp"

namespace orrery {

class ActivityGovernor : public Governor {};

}  // namespace orrery
