// A Timeline as bytes, with the Programs it names (each once), to bring it home from the process that made it.
#pragma once

#include <string>
#include <string_view>

#include "sim/timeline.hpp"

namespace orrery {

std::string to_bytes(const Timeline&);
Timeline timeline_from_bytes(std::string_view);

}  // namespace orrery
