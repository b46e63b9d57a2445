// `orrery scale SCENARIO --devices 8..8192`: the scenario at other numbers of devices, strong or weak, with the plan
// adapted to each size by the rules of scenarios/scaling.hpp; efficiency against a baseline and what limits it.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_scale(CLI::App&, const Invocation&);

}  // namespace orrery
