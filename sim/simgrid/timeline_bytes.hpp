// A Timeline on its way home from the process that made it, with the Programs it names (each once). So the Programs of a
// Timeline that simulate_flow returns are equal to those submitted, but not the same objects.
#pragma once

#include "sim/simgrid/bytes.hpp"
#include "sim/timeline.hpp"

namespace orrery {

void write(ByteWriter&, const Timeline&);
Timeline read_timeline(ByteReader&);

}  // namespace orrery
