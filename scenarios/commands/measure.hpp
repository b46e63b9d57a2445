// `orrery measure`: times real kernels on this machine, makes a device model of it and says how well that predicts shapes
// that were not fitted. Where Google Benchmark or OpenBLAS is missing, the command says what to install.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_measure(CLI::App&, const Invocation&);

}  // namespace orrery
