// `orrery measure`: times real kernels on one core or on a GPU of this machine, makes a device model of it and says how well
// that predicts shapes that were not fitted. Where Google Benchmark, OpenBLAS or the CUDA back end is missing, it says what
// to install.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_measure(CLI::App&, const Invocation&);

}  // namespace orrery
