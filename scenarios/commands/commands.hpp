// The commands of the program: a plain table in the order in which `orrery --help` shows them. Adding a command is one
// file here that declares and runs it, and one line in commands.cpp.
#pragma once

#include <span>

#include "scenarios/cli.hpp"
#include "sim/catalog.hpp"

namespace orrery {

std::span<const CatalogEntry<DeclareCommand>> commands();

}  // namespace orrery
