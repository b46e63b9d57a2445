// `orrery kernel ACCELERATOR KERNEL`: what one kernel costs on one accelerator, or a sweep over one of its sizes. Sizes are
// options of their own, named by the forms of scenarios/kernel_forms.hpp.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_kernel(CLI::App&, const Invocation&);

}  // namespace orrery
