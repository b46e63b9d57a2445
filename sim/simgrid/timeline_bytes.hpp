// A Timeline as bytes, with the Programs it names (each once), to bring it home from the process that made it.
// So the Programs of a Timeline that simulate_flow returns are equal to those submitted, but not the same objects.
#pragma once

#include <string>
#include <string_view>

#include "sim/timeline.hpp"

namespace orrery {

std::string to_bytes(const Timeline&);
Timeline timeline_from_bytes(std::string_view);

}  // namespace orrery
