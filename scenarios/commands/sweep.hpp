// `orrery sweep SWEEP --out DIR`: simulates a base scenario at every point of a sweep file on all cores and stores the
// results as they come. A stop at any moment loses only what was being simulated; --resume goes on from there.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_sweep(CLI::App&, const Invocation&);

}  // namespace orrery
