// `orrery run SCENARIO`: simulate one scenario; the report, or the result document, to standard output and into files.
// Files are written only after success, each complete or not at all.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_run(CLI::App&, const Invocation&);

}  // namespace orrery
