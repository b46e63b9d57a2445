// `orrery export STORE`: the results of a sweep as CSV or JSON, also while it runs; or the resolved scenario of one point,
// as it was simulated.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_export(CLI::App&, const Invocation&);

}  // namespace orrery
