// Runs a function in a forked child and brings home what it writes. What the child throws before it has sent anything is
// thrown here with the same type and text (SpecError with its faults, StuckError, IoError, std::bad_alloc; anything else as
// InternalError); a child that is killed is a KilledError, one that dies otherwise an InternalError naming the signal. The
// child leaves without running destructors or flushing what the parent had buffered.
#pragma once

#include <functional>

#include "sim/simgrid/bytes.hpp"

namespace orrery {

// `work` runs in the child; `receive` runs here, meanwhile, and has to read everything.
void run_in_child(const std::function<void(ByteWriter&)>& work, const std::function<void(ByteReader&)>& receive);

}  // namespace orrery
