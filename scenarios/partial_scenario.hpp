// What can be said of a scenario of which some values could not be read: whether wiring and plans are right, where nothing
// that they depend on is among the faults. So a user hears of everything at once.
#pragma once

#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/error.hpp"

namespace orrery {

// `known`: the faults of reading `partial` from `file`. Returns further ones.
std::vector<Fault> faults_of_readable_parts(const Scenario& partial, const std::string& file,
                                            const std::vector<Fault>& known);

}  // namespace orrery
