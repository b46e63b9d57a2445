// Counts what the program allocates: allocations.cpp replaces operator new for the whole test program.
// Over-aligned allocations are not counted.
#pragma once

#include <cstddef>

namespace orrery::test {

std::size_t allocations();  // since the start
std::size_t allocated_bytes();

}  // namespace orrery::test
