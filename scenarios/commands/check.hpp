// `orrery check SCENARIO...`: read and place without simulating; all faults of all files at once.
// Whether a model fits in memory only shows in a run.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_check(CLI::App&, const Invocation&);

}  // namespace orrery
