// The door of the module: the one symbol that `orrery measure --gpu` looks up, and which operation is made by whom.
#include <array>
#include <stdexcept>

#include <fmt/format.h>

#include "scenarios/measure/cuda/attention.hpp"
#include "scenarios/measure/cuda/device.hpp"
#include "scenarios/measure/cuda/device_kernels.hpp"
#include "scenarios/measure/cuda/products.hpp"

namespace orrery::cuda {

namespace {

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, device), "asking for a property of the device");
  return value;
}

Session open_session(int index) {
  int devices = 0;
  check(cudaGetDeviceCount(&devices), "looking for a CUDA device");
  if (index < 0 || index >= devices)
    throw std::runtime_error(fmt::format("this machine has {} CUDA device(s)", devices));
  Session session;
  session.index = index;
  check(cudaSetDevice(index), "opening the device");
  check(cudaStreamCreateWithFlags(&session.stream, cudaStreamNonBlocking), "making a stream");
  std::array<char, 32> address{};
  check(cudaDeviceGetPCIBusId(address.data(), static_cast<int>(address.size()), index), "asking for the PCI address");
  session.board = address.data();
  session.nvml = Nvml::open();
  return session;
}

class CudaBackend : public GpuBackend {
 public:
  explicit CudaBackend(int index) : session_(open_session(index)), products_(session_) {}

  GpuFacts facts() const override;
  std::unique_ptr<GpuKernel> prepare(const GpuRequest&) override;

 private:
  std::unique_ptr<GpuKernel> copy(const GpuRequest&) const;
  std::unique_ptr<GpuKernel> rows(const GpuRequest&) const;
  std::unique_ptr<GpuKernel> triad_of(const GpuRequest&) const;

  Session session_;
  Products products_;
};

GpuFacts CudaBackend::facts() const {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, session_.index), "asking for the properties of the device");
  const auto get = [this](cudaDeviceAttr which) { return attribute(which, session_.index); };
  GpuFacts facts;
  facts.name = properties.name;
  facts.major = get(cudaDevAttrComputeCapabilityMajor);
  facts.minor = get(cudaDevAttrComputeCapabilityMinor);
  facts.cores = get(cudaDevAttrMultiProcessorCount);
  facts.clock_Hz = get(cudaDevAttrClockRate) * 1e3;
  facts.memory_bytes = static_cast<double>(properties.totalGlobalMem);
  facts.l2_bytes = get(cudaDevAttrL2CacheSize);
  // Two transfers a cycle over a bus of so many bits.
  facts.memory_Bps = 2e3 * get(cudaDevAttrMemoryClockRate) * get(cudaDevAttrGlobalMemoryBusWidth) / 8;
  facts.libraries = Products::version();
  if (const std::string missing = missing_for_attention(); missing.empty())
    facts.libraries += ", " + cudnn_version();
  else
    facts.without = "attention is skipped: it needs " + missing;
  if (session_.nvml) {
    facts.driver = session_.nvml->driver();
    facts.power_limit_W = session_.nvml->power_limit_W(session_.nvml->board(session_.board));
  } else {
    facts.without += facts.without.empty() ? "" : "; ";
    facts.without += "power, clock and temperature are not read: libnvidia-ml.so.1 was not found";
  }
  return facts;
}

std::unique_ptr<GpuKernel> CudaBackend::prepare(const GpuRequest& r) {
  check(cudaSetDevice(session_.index), "opening the device");
  switch (r.operation) {
    case GpuOperation::gemm:
      return products_.prepare(r);
    case GpuOperation::attention:
      return prepare_attention(session_, r);
    case GpuOperation::softmax:
    case GpuOperation::layernorm:
      return rows(r);
    case GpuOperation::triad:
      return triad_of(r);
    case GpuOperation::copy:
    case GpuOperation::to_device:
    case GpuOperation::to_host:
      return copy(r);
    case GpuOperation::launch:
      return timed(session_, [stream = session_.stream] { launch_nothing(stream); });
  }
  throw NotMeasured("an operation that this module does not know");
}

std::unique_ptr<GpuKernel> CudaBackend::copy(const GpuRequest& r) const {
  const auto bytes = static_cast<double>(r.n);
  const bool from_host = r.operation == GpuOperation::to_device, to_host = r.operation == GpuOperation::to_host;
  const auto from = std::make_shared<Buffer>(from_host ? Buffer::on_host(bytes) : Buffer(bytes));
  const auto to = std::make_shared<Buffer>(to_host ? Buffer::on_host(bytes) : Buffer(bytes));
  const cudaMemcpyKind kind = from_host ? cudaMemcpyHostToDevice
                              : to_host ? cudaMemcpyDeviceToHost
                                        : cudaMemcpyDeviceToDevice;
  return timed(session_, [=, stream = session_.stream] {
    check(cudaMemcpyAsync(to->at(), from->at(), static_cast<std::size_t>(r.n), kind, stream), "copying");
  });
}

std::unique_ptr<GpuKernel> CudaBackend::rows(const GpuRequest& r) const {
  if (r.n % 2 != 0 || r.n > 16384) throw NotMeasured("rows of an even number of up to 16,384 columns");
  const auto from = std::make_shared<Buffer>(operands(r.m * r.n, DataType::fp16, 1, session_.stream));
  const auto to = std::make_shared<Buffer>(2.0 * static_cast<double>(r.m * r.n));
  const auto run = r.operation == GpuOperation::softmax ? softmax_rows : layernorm_rows;
  return timed(session_, [=, stream = session_.stream] { run(to->at(), from->at(), r.m, r.n, stream); });
}

std::unique_ptr<GpuKernel> CudaBackend::triad_of(const GpuRequest& r) const {
  const auto stream = session_.stream;
  const auto a = std::make_shared<Buffer>(4.0 * static_cast<double>(r.n));
  const auto b = std::make_shared<Buffer>(operands(r.n, DataType::fp32, 1, stream));
  const auto c = std::make_shared<Buffer>(operands(r.n, DataType::fp32, 2, stream));
  return timed(session_, [=] { triad(a->as<float>(), b->as<float>(), c->as<float>(), r.n, stream); });
}

}  // namespace

}  // namespace orrery::cuda

extern "C" orrery::GpuBackend* orrery_open_gpu(int index) { return new orrery::cuda::CudaBackend(index); }
