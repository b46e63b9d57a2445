// `orrery validate RECORDS...`: predicted beside measured, with error statistics per source. Bad rows are results; only a
// file that cannot be read as measured runs, or bad usage, is an error.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_validate(CLI::App&, const Invocation&);

}  // namespace orrery
