// `orrery calibrate RECORDS...`: fits the kernel models to measured kernels, and error bands to what they miss. The shipped
// files of kernels/calibration come from it (docs/kernels.md says which command makes which).
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_calibrate(CLI::App&, const Invocation&);

}  // namespace orrery
