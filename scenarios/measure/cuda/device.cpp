#include "scenarios/measure/cuda/device.hpp"

#include <utility>

#include <fmt/format.h>

#include "scenarios/measure/cuda/device_kernels.hpp"

namespace orrery::cuda {

namespace {

class Timed : public GpuKernel {
 public:
  Timed(const Session& session, std::function<void()> launch)
      : session_(session), launch_(std::move(launch)), sampler_(session.nvml, session.board) {
    check(cudaEventCreate(&start_), "making an event");
    check(cudaEventCreate(&end_), "making an event");
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  ~Timed() override {
    cudaStreamSynchronize(session_.stream);
    cudaEventDestroy(start_);
    cudaEventDestroy(end_);
  }

  double train(int launches) override {
    check(cudaEventRecord(start_, session_.stream), "starting the clock");
    for (int i = 0; i < launches; ++i) launch_();
    check(cudaEventRecord(end_, session_.stream), "stopping the clock");
    check(cudaEventSynchronize(end_), "running the kernel");
    check(cudaGetLastError(), "launching the kernel");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, start_, end_), "reading the clock");
    return static_cast<double>(ms) * 1e-3;
  }

  DeviceReading reading() override { return sampler_.stop(); }

 private:
  Session session_;
  std::function<void()> launch_;
  Sampler sampler_;
  cudaEvent_t start_ = nullptr, end_ = nullptr;
};

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // forget it: an allocation that failed harms nothing
  const std::string said = fmt::format("{}: {}", what, cudaGetErrorString(status));
  if (status == cudaErrorMemoryAllocation) throw NotMeasured(said);
  throw std::runtime_error(said);
}

Buffer::Buffer(double bytes) { check(cudaMalloc(&at_, static_cast<std::size_t>(bytes)), "device memory"); }

Buffer Buffer::on_host(double bytes) {
  Buffer buffer;
  buffer.host_ = true;
  check(cudaMallocHost(&buffer.at_, static_cast<std::size_t>(bytes)), "pinned memory");
  return buffer;
}

Buffer::Buffer(Buffer&& other) noexcept : at_(std::exchange(other.at_, nullptr)), host_(other.host_) {}

Buffer::~Buffer() {
  if (!at_) return;
  if (host_)
    cudaFreeHost(at_);
  else
    cudaFree(at_);
}

Buffer operands(std::int64_t count, DataType type, std::uint32_t seed, cudaStream_t stream) {
  Buffer buffer(static_cast<double>(count) * bytes_per_element(type));
  fill(buffer.at(), count, type, seed, stream);
  return buffer;
}

std::unique_ptr<GpuKernel> timed(const Session& session, std::function<void()> launch) {
  return std::make_unique<Timed>(session, std::move(launch));
}

}  // namespace orrery::cuda
