// What `orrery measure --gpu` asks of the GPU it measures: facts, kernels that time themselves by the device's own clock,
// and readings of power, clock and temperature while they run. Plain data, so that what implements it (cuda/, a module of
// its own that is built where nvcc and cuBLAS are) needs nothing else of ours, and this program nothing of CUDA.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "sim/data_type.hpp"

namespace orrery {

// Sizes: gemm m, n, k, batch (C = A x transposed B, as linear layers store their weights) · attention m = n = sequence,
// k = head dimension, batch = sequences, heads · softmax and layernorm m rows of n · triad n elements · copies n bytes.
enum class GpuOperation : std::uint8_t { gemm, attention, softmax, layernorm, triad, copy, to_device, to_host, launch };

struct GpuRequest {
  GpuOperation operation = GpuOperation::gemm;
  DataType type = DataType::fp16;
  std::int64_t m = 1, n = 1, k = 1, batch = 1, heads = 1;
};

struct GpuFacts {
  std::string name;          // as the driver prints it
  int major = 0, minor = 0;  // compute capability
  int cores = 0;             // multiprocessors
  double clock_Hz = 0;       // the highest of the multiprocessors
  double memory_bytes = 0, l2_bytes = 0;
  double memory_Bps = 0;          // from the width of the bus and the memory's clock; 0: the driver does not say
  double power_limit_W = 0;       // 0: not readable
  std::string driver, libraries;  // versions
  std::string without;            // libraries that are missing here, and what is skipped for it
};

// Means over the second half of the time that was spent on a kernel; 0: not readable. A board's power is itself a mean over
// the last tens of milliseconds to one second, depending on its generation, so that short runs say little.
struct DeviceReading {
  double power_W = 0, clock_Hz = 0, temperature_C = 0;
  int samples = 0;
};

// A kernel that a library here lacks for this device, type or size: skipped, with this reason.
class NotMeasured : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class GpuKernel {
 public:
  virtual ~GpuKernel() = default;
  // Seconds from the start of the first to the end of the last of `launches` in a row, between two events of the device.
  virtual double train(int launches) = 0;
  virtual DeviceReading reading() = 0;  // of the time since the kernel was made
};

class GpuBackend {
 public:
  virtual ~GpuBackend() = default;
  virtual GpuFacts facts() const = 0;
  virtual std::unique_ptr<GpuKernel> prepare(const GpuRequest&) = 0;  // throws NotMeasured
};

// "" when the module was built, else what was missing.
std::string missing_for_gpu();
// Device `index` of this machine. Throws UsageError where the module or a device is missing.
std::unique_ptr<GpuBackend> open_gpu(int index);

}  // namespace orrery
