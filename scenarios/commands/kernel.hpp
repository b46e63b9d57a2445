// `orrery kernel ACCELERATOR KERNEL`: what one kernel costs on one accelerator, or a sweep over one of its sizes.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_kernel(CLI::App&, const Invocation&);

}  // namespace orrery
