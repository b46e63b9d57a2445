// `orrery merge STORE... --out DIR`: joins the stores that `orrery sweep --shard` wrote into one, and says what is missing.
// The parts stay as they are.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_merge(CLI::App&, const Invocation&);

}  // namespace orrery
