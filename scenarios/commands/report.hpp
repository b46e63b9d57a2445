// `orrery report RESULT... -o report.html`: one self-contained page with the plots, to show to others or to print.
// Takes results, scaling studies and scenarios (which are run); writes nothing when one of them is at fault.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_report(CLI::App&, const Invocation&);

}  // namespace orrery
