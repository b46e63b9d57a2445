// Dynamic energy of a kernel: FLOPs, bytes through the last-level cache and bytes to device memory, each at a constant cost
// (Antepara et al., SC25, doi 10.1145/3712285.3759815: board-level fits for A100, GH200, MI250X, MI300A).
// A matrix FLOP of another type costs in inverse proportion to its peak rate: the unit draws the same power (the A100 fits
// agree: 0.70 pJ for 16-bit tensor, 10.7 for fp32 FLOPs, whose peaks stand 16 to 1).
// A memory that states its own energy per byte (models/hardware/memories) adds 9.19 pJ/bit for the way over the die: A100's
// 13.11 from DRAM to register less the 3.92 of its HBM2 device and interface (O'Connor et al., MICRO 2017).
// Dynamic power is capped at the board limit minus idle, as the board itself does. Without constants for a generation the
// cost follows from the limit: 65 % of the data sheet's rate takes the whole dynamic budget (H100: 643 of 989 TFLOP/s in
// training draw 700 W; V100: 70 % of the fp32 rate draws 228 of 250 W, Zeus, NSDI 2023), full memory bandwidth half of it.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

struct Traffic {
  double matrix_flops = 0, vector_flops = 0, cache_bytes = 0, memory_bytes = 0;
};

// Adds energy and the power cap to terms whose times are known.
void add_energy(KernelTerms&, const Kernel&, const Traffic&, const DeviceContext&);

// Energy of one matrix FLOP on operands of `type`, in proportion to their width: a bound that no data-sheet rate moves.
double pJ_per_matrix_flop(const DeviceModel&, DataType, const EnergyParameters&);

// Board limit minus idle (idle unknown: 13 % of the limit, the mean of A100 54/400, H100 72.5/700, B200 137/1000 W);
// 0 when the limit is unknown.
double dynamic_budget_W(const DeviceModel&);

}  // namespace orrery
