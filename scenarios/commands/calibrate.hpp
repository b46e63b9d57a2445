// `orrery calibrate RECORDS...`: fits the kernel models to measured kernels, and error bands to what they miss.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_calibrate(CLI::App&, const Invocation&);

}  // namespace orrery
