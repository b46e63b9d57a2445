// `orrery measure`: times real kernels on this machine, makes a device model of it and says how well that predicts.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_measure(CLI::App&, const Invocation&);

}  // namespace orrery
