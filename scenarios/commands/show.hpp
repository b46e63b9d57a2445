// `orrery show NAME`: what a name stands for, with every part and default spelled out and the sources of its figures.
// A name found in several categories is not guessed: CATEGORY/NAME says which.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_show(CLI::App&, const Invocation&);

}  // namespace orrery
