// What a kernel has in memory at once, at least: its resident operands, where `bytes` of a kernel are what it moves. A tensor
// that may be updated in place counts once, one that is read several times once, results that cannot share memory with an
// operand beside it. Where the shape does not say more (rows that are gathered from a table or routed), half of the traffic.
// A lower bound: workspaces, copies and whatever else a program holds come on top.
#pragma once

#include "sim/kernel.hpp"

namespace orrery {

double operand_bytes(const Kernel&);  // of one repeat

}  // namespace orrery
