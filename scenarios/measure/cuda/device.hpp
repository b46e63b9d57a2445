// The CUDA runtime as values: calls that throw, memory that frees itself, and one kernel that times itself by the device's
// clock while power and clock are sampled. Running out of memory is NotMeasured (that size is skipped), anything else ends
// the measurement.
#pragma once

#include <functional>
#include <memory>

#include <cuda_runtime_api.h>

#include "scenarios/measure/cuda/nvml.hpp"
#include "scenarios/measure/gpu_backend.hpp"

namespace orrery::cuda {

void check(cudaError_t, const char* what);

class Buffer {
 public:
  explicit Buffer(double bytes);
  static Buffer on_host(double bytes);  // pinned, as copies at full speed need
  Buffer(Buffer&&) noexcept;
  Buffer& operator=(Buffer&&) = delete;
  ~Buffer();
  void* at() const { return at_; }
  template <class T> T* as() const { return static_cast<T*>(at_); }

 private:
  Buffer() = default;
  void* at_ = nullptr;
  bool host_ = false;
};

// A device memory buffer of `count` operands of random values.
Buffer operands(std::int64_t count, DataType, std::uint32_t seed, cudaStream_t);

struct Session {  // of one device
  int index = 0;
  cudaStream_t stream = nullptr;
  std::shared_ptr<Nvml> nvml;  // none: the library is missing
  std::string board;           // PCI address, as NVML names boards
};

// `launch` puts the kernel on the session's stream and owns its operands.
std::unique_ptr<GpuKernel> timed(const Session&, std::function<void()> launch);

}  // namespace orrery::cuda
