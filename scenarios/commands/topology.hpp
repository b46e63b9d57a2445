// `orrery topology FILE|NAME`: what the wiring of a machine is worth, before anything runs on it: parts, levels, distances,
// bisection, path diversity, power and price; as text or JSON, and as a picture.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_topology(CLI::App&, const Invocation&);

}  // namespace orrery
