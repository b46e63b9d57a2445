// What costing kernels costs: a sequence seen for the first time, one remembered, and one at a new operating point.
#include <benchmark/benchmark.h>

#include "kernels/cost_models.hpp"
#include "kernels/shapes.hpp"

namespace orrery {

namespace {

// One transformer layer forward and backward, eager: what the engine asks for most.
std::vector<Kernel> layer() {
  std::vector<Kernel> kernels;
  for (int pass = 0; pass < 3; ++pass) {
    for (std::int64_t n : {6144, 4096, 28672, 4096}) kernels.push_back(gemm(8192, n, 4096, DataType::bf16));
    kernels.push_back(attention(4096, 4096, 128, 2, 32, 8, true, DataType::bf16, 2));
    for (int i = 0; i < 6; ++i) kernels.push_back(normalization(8192, 4096, 4, DataType::bf16));
  }
  return kernels;
}

std::unique_ptr<CostModel> model() {
  const Library library = Library::installed();
  const std::vector devices = {load_part<DeviceModel>("hardware/accelerators", "nvidia-a100-sxm4-80gb", library)};
  return make_cost_model(devices, library);
}

const DeviceTypeId first{std::size_t{0}};

void new_sequences(benchmark::State& state) {
  const auto costs = model();
  auto kernels = layer();
  for (auto _ : state) {
    ++kernels.front().m;
    benchmark::DoNotOptimize(costs->sequence(first, kernels, {}));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kernels.size()));
}
BENCHMARK(new_sequences);

void remembered_sequence(benchmark::State& state) {
  const auto costs = model();
  const auto kernels = layer();
  for (auto _ : state) benchmark::DoNotOptimize(costs->sequence(first, kernels, {}));
}
BENCHMARK(remembered_sequence);

void new_operating_point(benchmark::State& state) {
  const auto costs = model();
  const auto kernels = layer();
  OperatingPoint point;
  for (auto _ : state) {
    point.clock = point.clock > 0.5 ? point.clock * 0.999 : 1;
    benchmark::DoNotOptimize(costs->sequence(first, kernels, point));
  }
}
BENCHMARK(new_operating_point);

}  // namespace

}  // namespace orrery
