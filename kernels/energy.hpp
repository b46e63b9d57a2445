// Dynamic energy of a kernel: FLOPs, bytes through the last-level cache and bytes to device memory, each at a constant cost
// (Antepara et al., SC25, doi 10.1145/3712285.3759815: board-level fits for A100, GH200, MI250X, MI300A).
// A FLOP costs by its type, whatever rate a chip has for it. Matrix FLOPs of 16 bits, fewer, and tf32: in proportion to the
// width of the operands (unit_bits). fp32 and fp64, on vector or matrix units: the constant of the vector units, as the
// multiplier of a wide significand costs out of proportion (A100: 0.70 pJ for 16-bit tensor, 10.7 for fp32 FLOPs; at that,
// fp64 tensor products draw some 300 of A100's 400 W, at four times the 16-bit cost 150).
// A memory that states its own energy per byte (models/hardware/memories) adds the way over the die: what the generation
// spends from DRAM to register less what the memory does that its boards have (`die_pJ_per_bit`), so that to state the memory
// that is there anyway changes nothing. Without constants A100's: 13.11 less the 3.92 of its HBM2 device and interface
// (O'Connor et al., MICRO 2017).
// Without constants for a generation both costs follow from the board's limit, whatever its kind: 65 % of the data sheet's
// rate takes the whole dynamic budget (V100: 70 % of the fp32 rate draws 228 of 250 W, Zeus, NSDI 2023), full memory
// bandwidth half of it. That rate is of the type, 8 or 16 bits wide, that a chip computes most operand bits of, of fp32 and
// fp64 likewise; others cost by their width. A device with neither constants nor a limit has no energy: unknown, not zero.
// The constants hold for long runs. There the limit binds: an estimate that exceeds it at the nominal clock is scaled down to
// it once, so that the same work never costs more at a lower clock. A benchmark of milliseconds on a cool board is over
// before the limit acts (power is regulated as a mean over a longer time) and keeps the constant cost per operation.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

struct Traffic {
  double matrix_flops = 0, vector_flops = 0, cache_bytes = 0, memory_bytes = 0;
};

// Where the energy of a kernel on a device comes from.
enum class EnergySource {
  unknown,      // nothing is known: no energy
  power_limit,  // from the limit of the board
  constants     // per operation, of the device or its generation; per event of spiking hardware
};
EnergySource energy_source(const DeviceModel&, const DeviceCalibration&, KernelKind);

// Adds energy and the power cap to terms whose times are known; none where its source is unknown.
void add_energy(KernelTerms&, const Kernel&, const Traffic&, const DeviceContext&);
// The energy of further bytes that a family moves through the memory.
void add_memory_energy(KernelTerms&, KernelKind, double bytes, const DeviceContext&);

// Dynamic power of the device's memory at its full bandwidth; 0 where it has none or no energy of it is known.
double memory_power_W(const DeviceContext&);

// What dynamic power is held to: the budget below in long runs, nothing (0) in isolated ones.
double power_cap_W(const DeviceContext&);

// Energy of one matrix FLOP on operands of a type as the device takes them in: no other rate of a data sheet moves it.
double pJ_per_matrix_flop(const DeviceModel&, DataType, const EnergyParameters&);

// Stated, else of a GPU 13 % of its limit (mean of A100 54/400, H100 72.5/700, B200 137/1000 W). Nothing for other silicon,
// whose idle shares differ too much (TPU v4: 90 of 192 W).
std::optional<Watts> idle_power(const DeviceModel&);

// Board limit minus idle power, as far as that is known; 0 when the limit is unknown.
double dynamic_budget_W(const DeviceModel&);
// The same of an operator's limit; 0 where none is stated.
double limited_budget_W(const DeviceModel&);

// Holds terms of a long run to the operator's limit of the device, if it has one (kernel_terms.hpp).
void hold_to_limit(KernelTerms&, const DeviceContext&);

}  // namespace orrery
