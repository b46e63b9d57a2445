// Runs a function in a forked child and brings home the bytes it returns. What the child throws is thrown here with the same
// type and text (SpecError with its faults, StuckError, IoError; anything else as InternalError); a child that dies is an
// InternalError naming the signal. The child leaves without running destructors or flushing what the parent had buffered.
#pragma once

#include <functional>
#include <string>

namespace orrery {

std::string run_in_child(const std::function<std::string()>&);

}  // namespace orrery
