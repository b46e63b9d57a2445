// `orrery list [CATEGORY]`: what names a scenario can use, as one table per category.
// Without a category: the categories, how many each holds, and a few of them.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_list(CLI::App&, const Invocation&);

}  // namespace orrery
