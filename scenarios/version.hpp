// The version that results carry: the project's version and, where it was built from a repository, the commit.
// Set by CMake at configuration.
#pragma once

#include <string>

namespace orrery {

std::string version();

}  // namespace orrery
