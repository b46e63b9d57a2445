// Building clusters of up to 65,536 devices, and planning a collective over many of them.
#include <fstream>
#include <string>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "kernels/collectives/collective.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

double resident_MB() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmRSS:") {
      double kB = 0;
      status >> kB;
      return kB / 1000;
    }
  return 0;
}

ClusterSpec large(int nodes, const char* ecmp) {
  ClusterSpec spec = nodes_of(switch_node(8, 8), nodes, "fat-tree");
  spec.fabric.levels = 3;
  spec.fabric.radix = 64;
  spec.fabric.rail_optimized = true;
  spec.fabric.ecmp = ecmp;
  return spec;
}

ClusterSpec lattice(const char* options) {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 8192, "torus");
  spec.fabric.options = parse_json(options, "benchmark");
  return spec;
}

ClusterSpec dragonfly(const char* kind) {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 8192, kind);
  spec.fabric.radix = 64;
  return spec;
}

void build_spec(benchmark::State& state, const ClusterSpec& spec) {
  for (auto _ : state) {
    const Cluster cluster = build_cluster(spec);
    benchmark::DoNotOptimize(cluster.fabric.links().size());
    state.counters["links"] = static_cast<double>(cluster.fabric.links().size());
    state.counters["resident_MB"] = resident_MB();
  }
}

void build(benchmark::State& state, const char* ecmp) {
  build_spec(state, large(static_cast<int>(state.range(0)) / 8, ecmp));
}

void plan_ring(benchmark::State& state) {
  const Cluster cluster = build_cluster(large(static_cast<int>(state.range(0)) / 8, "ideal"));
  CollectiveRequest request;
  request.bytes = Bytes(1e9);
  for (std::size_t d = 0; d < static_cast<std::size_t>(state.range(0)); ++d) request.members.emplace_back(d);
  for (auto _ : state) benchmark::DoNotOptimize(plan_collective(cluster, request).steps.size());
}

}  // namespace

BENCHMARK_CAPTURE(build, fat_tree_ideal, "ideal")->Arg(1024)->Arg(65536)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build, fat_tree_hash, "hash")->Arg(65536)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_spec, torus, lattice(R"({"dimensions": [16, 16, 32], "terminals_per_router": 8})"))
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_spec, twisted_torus,
                  lattice(R"({"dimensions": [16, 16, 32], "terminals_per_router": 8, "twist": true})"))
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_spec, dragonfly, dragonfly("dragonfly"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_spec, dragonfly_plus, dragonfly("dragonfly+"))->Unit(benchmark::kMillisecond);
BENCHMARK(plan_ring)->Arg(1024)->Arg(16384)->Unit(benchmark::kMillisecond);
