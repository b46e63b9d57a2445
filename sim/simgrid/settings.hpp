// Every SimGrid setting that decides a result, pinned in one place (SimGrid 3.32). Its defaults model wide-area TCP; these
// leave the plain model: max-min sharing of capacities, nothing else.
#pragma once

namespace orrery {

// After the Engine is constructed (before, keys are unknown) and before any zone, host or link exists.
void pin_simgrid_settings();

}  // namespace orrery
