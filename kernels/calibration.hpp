// How much of a data-sheet peak kernels reach: a handful of physical parameters per device, precision and kernel family,
// read from kernels/calibration/*.json. Nothing is keyed on a model, a shape or a run.
// Look-up, most specific first: this device and precision; this device, another precision scaled; its generation; its
// family. What was measured nowhere says so (`calibrated` false) and runs on the family's defaults. A device that a scenario
// gives other rates, cores, clocks or memory under its old name keeps the parameters of that name, not calibrated. Which
// precisions share a unit is declared by the width of their operands, not read off a data sheet's rates: a changed peak
// changes that rate and nothing else.
// `sustained` is the clock that a board holds through hours of training over the clock of a short, cool kernel
// benchmark: a property of the board (power limit, cooling), fitted on training steps. Conditions::isolated leaves it out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/device.hpp"
#include "sim/kernel.hpp"
#include "sim/spec.hpp"

namespace orrery {

enum class Conditions : std::uint8_t {
  sustained,
  isolated
};  // a long training step; a short benchmark on a cool device

struct Span {
  std::int64_t low = 1, high = 1;
  bool contains(std::int64_t n) const { return n >= low && n <= high; }
};

// Where numbers come from. Errors are |ln(predicted / measured)| over the fitted samples.
struct Fit {
  std::vector<std::string> files;  // of the measured corpus
  int samples = 0;
  double median_error = 0, p90_error = 0;
  // Of the samples: matrix dimensions of products, sequence lengths of attention, bytes moved of memory-bound kernels.
  static constexpr std::int64_t unknown_end = std::int64_t{1} << 53;  // the largest that a file holds exactly
  std::int64_t smallest = 1, largest = unknown_end;
  std::int64_t narrowest = 1, widest = unknown_end;  // head dimensions of attention
  // Of products, where known: the shorter and the longer side of the result, the inner dimension, how many at once (absent:
  // one). Of products and attention: FLOPs in all. Of attention: query heads that share keys (absent: one).
  std::optional<Span> short_side, long_side, depth, batch, flops, sharing;
  bool together = false;        // attention: forward and backward were timed as one, never apart
  std::vector<DataType> types;  // attention: of the samples; none: 16-bit
  // Attention, memory-bound: kinds in the samples; products: "convolution" and "uneven groups" if any.
  std::vector<std::string> kernels;
  std::string note;
};

// Whether the samples say something of this kernel: it is of a kind, a type and of sizes among theirs. Kernels that read
// and write whole tensors in order (element-wise, copies, optimizer steps, sums) tell of each other; those that gather rows,
// reduce over them, convert types or walk meshes and graphs need samples of their own, and so do convolutions, which gather
// their operands, batches and uneven groups of products. Attention forward says nothing of backward. Memory-bound kernels
// larger than all samples run at the same bandwidth and are covered.
bool fit_covers(const Fit&, const Kernel&);

// Why an entry is no fit that stands for measurements of its device: it states no residuals, as it was written by hand, or has
// too few samples. "" where it is one.
std::string fit_shortfall(const Fit&);

// t = launch + join(bytes / (memory_efficiency BW), min over tiles of waves x 2 tm tn (k + k_overhead) / rate of one core),
// see gpu_gemm.hpp. The systolic family uses efficiency, memory_efficiency, launch and overlap.
struct GemmParameters {
  DataType type = DataType::bf16;
  double efficiency = 0.7, memory_efficiency = 0.8;
  Seconds launch{4e-6};
  double k_overhead = 80;    // elements of k that prologue and epilogue of a tile cost
  double tile_cost = 11;     // loss of tiles smaller than 256 x 128 (operand delivery)
  int tile_step = 0;         // tiles of 64, 128 or 256 by any multiple of this exist as well; 0: powers of two only
  double wave_tail = 1;      // share of the cores left idle by a last wave that costs time
  double misaligned = 0.77;  // rate left when a row is no multiple of 16 bytes
  // Joins compute and memory time as (C^overlap + M^overlap)^(1/overlap); absent: their maximum, perfect overlap.
  std::optional<double> overlap;
  Fit fit;
};

// Rate of matrix products in long training runs over their rate as isolated kernels; for attention, which draws less power,
// it only lowers the ceiling.
struct SustainedFraction {
  DataType type = DataType::bf16;
  double fraction = 1;
  std::string note;  // source and confidence
};

// rate = peak x efficiency x d / (d + head_overhead) x s / (s + half_length), see gpu_attention.hpp.
struct AttentionParameters {
  int generation = 2;
  double efficiency = 0.7;  // forward, long, wide, not causal
  double backward_ratio = 0.9, causal_ratio = 0.95;
  double head_overhead = 24;
  double half_length = 100, causal_half_length = 450;
  Fit fit;
};

// t = launches x launch + bytes / (efficiency BW).
struct MemoryParameters {
  Seconds launch{2e-6};
  double elementwise = 0.8, normalization = 0.7, softmax = 0.5;
  double wide_normalization = 0.4;  // rows that no longer fit on chip are read again
  std::int64_t wide_columns = 16384;
  Fit fit;
};

// Dynamic energy: matrix FLOPs, vector FLOPs, bytes through the last-level cache, bytes to device memory.
struct EnergyParameters {
  double matrix_pJ_per_flop = 0.7;  // for 16-bit operands; scales with operand width
  double vector_pJ_per_flop = 10.7, cache_pJ_per_bit = 6.3, memory_pJ_per_bit = 13;
  double die_pJ_per_bit =
      9.19;  // of memory_pJ_per_bit: from the registers to the interface of the memory, see energy.hpp
};

// A time step of a spiking network, see event_driven.hpp. Loihi's figures where a file states none.
struct EventParameters {
  Seconds neuron_update{8.4e-9}, synaptic_event{3.5e-9};  // on one core
  Seconds barrier{465e-9};
  double neuron_update_pJ = 81, synaptic_event_pJ = 23.6;
};

struct Calibration {  // one file
  std::string name, title;
  std::string
      unvalidated;  // why times of the devices that end up here were compared with no measurement; "" = they were
  std::vector<GemmParameters> gemm;
  std::vector<AttentionParameters> attention;
  std::vector<SustainedFraction> sustained;
  std::optional<MemoryParameters> memory;
  std::optional<EnergyParameters> energy;
  std::optional<EventParameters> events;
  Json sources;
};

void fields(Fields&, Calibration&);

// Bits of an operand as a matrix unit takes it in: types of one width run on the same part of it. FP6 moves as bytes.
int unit_bits(DataType);
// The same for the energy of an operand: a device that computes FP6 at the rate of FP4 (CDNA 4) spends as little on it.
int unit_bits(const DeviceModel&, DataType);
// Parameters of one type as those of another: the more operands a unit takes in at once, the more elements of k its prologue
// costs and the more small tiles lose.
GemmParameters of_type(GemmParameters, DataType);
// fp32 and fp64: their products mostly run on other units than those of narrow types, and neither says anything of the other.
bool is_wide(DataType);

// The parameters one device runs on, with where they were found.
struct DeviceCalibration {
  template <class T> struct Found {
    T parameters;
    bool calibrated =
        false;         // fitted on this device, or on one with the same chip (its file says so), as it is shipped
    std::string from;  // "of this device", "from its generation ampere", "family default"
  };
  std::array<Found<GemmParameters>, data_type_names.size()> gemm;  // by DataType, whether the device supports it or not
  std::array<double, data_type_names.size()> sustained;            // 1 until told otherwise
  std::vector<Found<AttentionParameters>> attention;               // ascending generations
  Found<MemoryParameters> memory;
  EventParameters events;
  std::string events_from;                 // "" where no file says anything of events
  std::string unvalidated;                 // of the file that products, or events, come from
  std::optional<EnergyParameters> energy;  // none: from the power limit, see energy.hpp

  DeviceCalibration() { sustained.fill(1); }
};

DeviceCalibration resolve_calibration(const DeviceModel&, const Library&);

}  // namespace orrery
