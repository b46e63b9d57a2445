// `orrery compare A B`: what differs in the input of two results (or scenarios, which are run), what moved in the output,
// and which kernels, collectives and phases explain the change of the iteration time.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_compare(CLI::App&, const Invocation&);

}  // namespace orrery
