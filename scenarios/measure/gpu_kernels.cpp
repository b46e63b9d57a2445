#include "scenarios/measure/gpu_kernels.hpp"

#include <fmt/format.h>

#include "kernels/shapes.hpp"

namespace orrery {

namespace {

constexpr std::int64_t MiB = 1 << 20;

class List {
 public:
  explicit List(std::shared_ptr<GpuBackend> backend) : backend_(std::move(backend)) {}

  void add(const char* name, const Kernel& kernel, Json shape, bool fit, const GpuRequest& request,
           bool modelled = true) {
    MachineKernel entry{name, kernel, std::move(shape), fit, {}, modelled};
    entry.prepare = [backend = backend_, request] {
      const std::shared_ptr<GpuKernel> ready = backend->prepare(request);
      return ReadyKernel{
          {}, [ready](int launches) { return ready->train(launches); }, [ready] { return ready->reading(); }};
    };
    all.push_back(std::move(entry));
  }

  void product(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t batch, DataType type, bool fit) {
    Json shape = {{"m", m}, {"n", n}, {"k", k}};
    if (batch > 1) shape["batch"] = batch;
    add("gemm", gemm(m, n, k, type, batch), shape, fit, {GpuOperation::gemm, type, m, n, k, batch, 1});
  }

  void attention_of(std::int64_t sequence, std::int64_t head_dim, std::int64_t sequences, std::int64_t heads,
                    bool fit) {
    const DataType type = DataType::fp16;
    add("attention_forward", attention(sequence, sequence, head_dim, sequences, heads, heads, false, type, 3),
        {{"sequence", sequence}, {"head_dim", head_dim}, {"batch", sequences}, {"heads", heads}, {"causal", false}},
        fit, {GpuOperation::attention, type, sequence, sequence, head_dim, sequences, heads});
  }

  void rows(std::int64_t m, std::int64_t n, bool fit) {
    const DataType type = DataType::fp16;
    const double moved = 2 * bytes_per_element(type);
    add("softmax", softmax(m, n, moved, type), {{"m", m}, {"n", n}}, fit, {GpuOperation::softmax, type, m, n, 1, 1, 1});
    add("layernorm", normalization(m, n, moved, type), {{"m", m}, {"n", n}}, fit,
        {GpuOperation::layernorm, type, m, n, 1, 1, 1});
  }

  void streams(std::int64_t bytes, bool fit) {
    const std::int64_t elements = bytes / 4;
    const double n = static_cast<double>(elements);
    add("stream_triad", elementwise(elements, 12 * n, 2 * n, DataType::fp32), {{"elements", elements}}, fit,
        {GpuOperation::triad, DataType::fp32, 1, elements, 1, 1, 1});
    add("copy", memory_copy(static_cast<double>(bytes)), {{"bytes", bytes}}, fit,
        {GpuOperation::copy, DataType::int8, 1, bytes, 1, 1, 1});
  }

  void host_copies(std::int64_t bytes) {
    const Kernel kernel = memory_copy(static_cast<double>(bytes) / 2);  // each byte crosses the bus once
    add("copy_to_device", kernel, {{"bytes", bytes}}, false,
        {GpuOperation::to_device, DataType::int8, 1, bytes, 1, 1, 1}, false);
    add("copy_to_host", kernel, {{"bytes", bytes}}, false, {GpuOperation::to_host, DataType::int8, 1, bytes, 1, 1, 1},
        false);
  }

  void empty_launch() {
    add("launch", elementwise(1, 0, 0, DataType::fp32), Json::object(), false,
        {GpuOperation::launch, {}, 1, 1, 1, 1, 1}, false);
  }

  std::vector<MachineKernel> all;

 private:
  std::shared_ptr<GpuBackend> backend_;
};

void products(List& list, DataType type) {
  struct Shape {
    std::int64_t m, n, k;
    bool fit;
  };
  // Squares from launch-bound to peak; rows of a layer of width 4096; depths; the withheld ones between them, off the tiles.
  constexpr Shape shapes[] = {
      {512, 512, 512, true},     {1024, 1024, 1024, true},   {2048, 2048, 2048, true},  {4096, 4096, 4096, true},
      {8192, 8192, 8192, true},  {16, 4096, 4096, true},     {128, 4096, 4096, true},   {512, 4096, 4096, true},
      {2048, 4096, 4096, true},  {4096, 12288, 4096, true},  {4096, 4096, 16384, true}, {4096, 4096, 128, true},
      {4096, 4096, 512, true},   {8192, 1024, 8192, true},   {256, 16384, 1024, true},  {768, 768, 768, false},
      {3072, 3072, 3072, false}, {6144, 6144, 6144, false},  {64, 4096, 11008, false},  {1000, 4096, 4096, false},
      {3000, 5120, 5120, false}, {4096, 14336, 4096, false}, {4096, 4096, 256, false},  {8192, 8192, 1024, false},
      {336, 11008, 4096, false},
  };
  constexpr double longest_flops = 2.0 * 4096 * 4096 *
                                   4096;  // of double precision without matrix units: 0.1 s and more
  for (const Shape& s : shapes) {
    const double flops = 2.0 * static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
    if (type == DataType::fp64 && flops > longest_flops) continue;
    list.product(s.m, s.n, s.k, 1, type, s.fit);
  }
}

// NVIDIA's compute capabilities (CUDA programming guide, appendix on compute capabilities), as calibrations name them.
std::string generation_of(int major, int minor) {
  if (major == 6) return "pascal";
  if (major == 7) return minor >= 5 ? "turing" : "volta";
  if (major == 8) return minor == 9 ? "ada" : "ampere";
  if (major == 9) return "hopper";
  return major == 10 || major == 12 ? "blackwell" : "";
}

}  // namespace

std::vector<MachineKernel> gpu_kernels(const std::shared_ptr<GpuBackend>& backend, bool small) {
  List list(backend);
  list.empty_launch();
  if (small) {
    for (const std::int64_t side : {256, 512, 1024}) list.product(side, side, side, 1, DataType::fp16, side != 512);
    list.streams(64 * MiB, true);
    list.streams(96 * MiB, false);
    return std::move(list.all);
  }
  for (const DataType type :
       {DataType::fp64, DataType::fp32, DataType::tf32, DataType::fp16, DataType::bf16, DataType::int8, DataType::fp8})
    products(list, type);
  for (const auto& [sequence, fit] :
       {std::pair{std::int64_t{512}, true}, {2048, false}})  // scores and context, per head
    for (const bool scores : {true, false})
      list.product(sequence, scores ? sequence : 128, scores ? 128 : sequence, 64, DataType::fp16, fit);
  for (const std::int64_t head_dim : {64, 128})
    for (const auto& [sequence, fit] :
         {std::pair{std::int64_t{512}, true}, {1024, true}, {2048, false}, {4096, true}, {8192, false}, {16384, true}})
      list.attention_of(sequence, head_dim, 16384 / sequence, 2048 / head_dim, fit);
  for (const auto& [columns, fit] : {std::pair{std::int64_t{1024}, true}, {4096, true}, {8192, false}, {12288, true}})
    list.rows(256 * MiB / columns, columns, fit);
  for (const auto& [size, fit] : {std::pair{std::int64_t{256}, true}, {512, false}, {1024, true}})
    list.streams(size * MiB, fit);
  list.host_copies(256 * MiB);
  return std::move(list.all);
}

DeviceModel gpu_device(const GpuFacts& facts, const std::string& name) {
  DeviceModel device;
  device.name = name;
  device.title = facts.name;
  device.family = DeviceFamily::gpu;
  device.generation = generation_of(facts.major, facts.minor);
  device.cores = facts.cores;
  device.core_kind = "multiprocessor";
  if (facts.clock_Hz > 0) device.clock = Hertz(facts.clock_Hz);
  device.memory.kind = "of the board";
  device.memory.capacity = Bytes(facts.memory_bytes);
  if (facts.memory_Bps > 0) device.memory.bandwidth = BytesPerSecond(facts.memory_Bps);
  if (facts.l2_bytes > 0) device.on_chip.l2 = Bytes(facts.l2_bytes);
  if (facts.power_limit_W > 0) device.power.tdp = Watts(facts.power_limit_W);
  device.sources = {
      {"",
       "measured by `orrery measure --gpu`: peaks are 1/0.95 of the best rate of a product; cores, clock, "
       "caches, memory and power limit as the driver states them"}};
  return device;
}

}  // namespace orrery
