// What a data sheet says of one accelerator: the shipped JSON files in models/hardware/accelerators, read as they are.
// Peaks are dense, with a multiply-add counted as 2, at `clock`. Bandwidths are per direction. Absent means unknown, and
// whoever needs an unknown figure says so. How much of a peak is reached is calibration (kernels/), not a device fact.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "sim/data_type.hpp"
#include "sim/spec.hpp"
#include "sim/units.hpp"

namespace orrery {

enum class DeviceFamily { gpu, tpu, ipu, wafer_scale, fpga, neuromorphic, cpu, dataflow, asic };
template <> struct EnumNames<DeviceFamily> {
  static constexpr std::array<std::string_view, 9> names = {"gpu",          "tpu", "ipu",      "wafer-scale", "fpga",
                                                            "neuromorphic", "cpu", "dataflow", "asic"};
};

struct PeakRates {  // FLOP/s (or integer OP/s) by operand type
  std::optional<FlopsPerSecond> fp64, fp64_matrix, fp32, fp32_matrix, tf32, bf16, fp16, fp8, int8, fp6, fp4;
  // fp32 arithmetic of vector units that compute no products (VPU of a TPU, TPC of a Gaudi); absent: `fp32` is theirs.
  std::optional<FlopsPerSecond> vector;
};

// Inline, or a technology of models/hardware/memories with a number of stacks: {"base": "hbm4", "stacks": 8}. A stated total
// comes before stacks times what one of them has, as boards run below what their memory's standard allows.
struct DeviceMemory {
  std::string name, title, kind;
  std::optional<Bytes> capacity;
  std::optional<BytesPerSecond> bandwidth;
  std::optional<int> stacks;  // or channels, or modules: the unit of the next two
  std::optional<Bytes> capacity_per_stack;
  std::optional<BytesPerSecond> bandwidth_per_stack;
  std::optional<JoulesPerByte> energy;  // per byte moved, of the memory itself and its interface
  std::string notes;
  Json sources;
};

struct OnChipMemory {
  std::optional<Bytes> register_file_per_core, l1_per_core, l2, l3, total;
  std::optional<BytesPerSecond> l1_bandwidth, l2_bandwidth;
};

struct DeviceScaleUp {
  std::string link;
  std::optional<int> links;
  std::optional<BytesPerSecond> bandwidth_per_direction, pair_bandwidth_per_direction;
  std::optional<int> domain;
};

struct DeviceHostLink {
  std::string link;
  std::optional<BytesPerSecond> bandwidth_per_direction;
};

struct DevicePower {
  std::optional<Watts> tdp, idle;
  std::optional<Watts> limit;  // what an operator holds the board to (nvidia-smi -pl), at most its tdp; absent: its tdp
  std::optional<Watts> most() const { return limit ? limit : tdp; }  // that it draws in the long run
};

struct DeviceThermal {
  std::optional<Celsius> max_operating, slowdown, shutdown;
};

struct DevicePrice {
  std::optional<DollarsPerSecond> rental_low, rental_high;
  std::optional<Dollars> purchase;
  std::string as_of;
};

struct DeviceModel {
  std::string name, title, vendor;
  int year = 0;
  DeviceFamily family = DeviceFamily::gpu;
  std::string generation, notes;
  std::optional<int> cores;
  std::string core_kind;
  std::optional<Hertz> clock, boost_clock;
  std::optional<int> matrix_units, systolic_rows, systolic_columns;
  PeakRates peak;
  DeviceMemory memory;
  OnChipMemory on_chip;
  std::optional<DeviceScaleUp> scale_up;
  std::optional<DeviceHostLink> host_link;
  DevicePower power;
  DeviceThermal thermal;
  std::optional<DevicePrice> price;
  Json sources;  // JSON pointer prefix -> citation; "" covers the file
};

void fields(Fields&, DeviceMemory&);
void fields(Fields&, DeviceModel&);

// Of all stacks together; nothing when unknown.
std::optional<Bytes> memory_capacity(const DeviceModel&);
std::optional<BytesPerSecond> memory_bandwidth(const DeviceModel&);

// Matrix-unit peak for operands of `type`, falling back to the vector peak of the same type; nothing when the device has
// no such rate. Block-scaled formats use the rate of their element type.
std::optional<FlopsPerSecond> matrix_peak(const DeviceModel&, DataType);
// Peak of the vector units (CUDA cores, VPU) for fp32 arithmetic; nothing when unknown.
std::optional<FlopsPerSecond> vector_peak(const DeviceModel&);

}  // namespace orrery
