// How many operations per second the evaluators run. items_per_second is operations (or flows, where the name says so).
#include <random>

#include <benchmark/benchmark.h>

#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Every device alternates a Compute and a Transfer to its neighbour that waits for it: `operations` in all.
std::shared_ptr<const Program> pipeline(const Cluster& cluster, std::size_t operations) {
  Writer w(cluster);
  const std::size_t devices = cluster.type_of.size();
  Kernel kernel;
  const SequenceId sequence = w.builder.sequence({&kernel, 1});
  std::vector<PatternId> patterns;
  std::vector<OpId> received(devices);
  for (std::size_t d = 0; d < devices; ++d) {
    const Flow flow = w.flow(d, (d + 1) % devices);
    patterns.push_back(w.builder.pattern({&flow, 1}));
  }
  for (std::size_t i = 0; i < operations / 2; ++i) {
    const std::size_t d = i % devices;
    kernel.flops = 1;
    const OpId compute = w.builder.compute(w.on(d), sequence, {});
    w.builder.depend(compute, received[d]);
    const OpId send = w.builder.transfer(w.on(d, Stream::copy), patterns[d], 1, 1, Seconds(0), {});
    w.builder.depend(send, compute);
    received[(d + 1) % devices] = send;
  }
  return w.finish();
}

// Every device sends `each` messages of different sizes, one after the other, to devices drawn at random.
std::shared_ptr<const Program> random_traffic(const Cluster& cluster, std::size_t each) {
  Writer w(cluster);
  std::mt19937 random(1);
  const std::size_t devices = cluster.type_of.size();
  for (std::size_t d = 0; d < devices; ++d)
    for (std::size_t i = 0; i < each; ++i) {
      const std::size_t to = (d + 1 + random() % (devices - 1)) % devices;
      w.send(d, to, 0.5e6 + static_cast<double>(random() % 1000000));
    }
  return w.finish();
}

void measure(benchmark::State& state, Evaluator evaluate, const Cluster& cluster,
             const std::shared_ptr<const Program>& program) {
  std::size_t operations = 0;
  for (auto _ : state) {
    const Timeline timeline = run(evaluate, cluster, program);
    benchmark::DoNotOptimize(timeline.end_s);
    operations += timeline.records.size();
    state.counters["flows"] = static_cast<double>(timeline.flows_simulated);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(operations));
}

void analytic_operations(benchmark::State& state) {
  const Cluster cluster = star(64);
  measure(state, evaluate_analytic, cluster, pipeline(cluster, static_cast<std::size_t>(state.range(0))));
}
BENCHMARK(analytic_operations)->Arg(2000)->Arg(200000)->Unit(benchmark::kMillisecond);

void flow_operations_that_never_meet(benchmark::State& state) {
  const Cluster cluster = star(64);
  measure(state, simulate_flow, cluster, pipeline(cluster, static_cast<std::size_t>(state.range(0))));
}
BENCHMARK(flow_operations_that_never_meet)->Arg(2000)->Arg(200000)->UseRealTime()->Unit(benchmark::kMillisecond);

void flows_that_share_links(benchmark::State& state) {
  const Cluster cluster = star(static_cast<std::size_t>(state.range(0)), 50e9);
  measure(state, simulate_flow, cluster, random_traffic(cluster, 10));
}
BENCHMARK(flows_that_share_links)
    ->Arg(64)
    ->Arg(256)
    ->Arg(1024)
    ->Arg(4096)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void one_ring_over_all_devices(benchmark::State& state) {
  const auto devices = static_cast<std::size_t>(state.range(0));
  const Cluster cluster = star(devices, 50e9);
  Writer w(cluster);
  std::vector<Flow> ring, shifted;
  for (std::size_t d = 0; d < devices; ++d) {
    ring.push_back(w.flow(d, (d + 1) % devices));
    shifted.push_back(w.flow(d, (d + 8) % devices));
  }
  // Two rings on the same links at once, a hundred times.
  const PatternId patterns[] = {w.builder.pattern(ring), w.builder.pattern(shifted)};
  for (int i = 0; i < 100; ++i) {
    w.builder.transfer(w.on(0, Stream::tensor), patterns[0], 1e6, 1, Seconds(0), {});
    w.builder.transfer(w.on(0, Stream::data), patterns[1], 1.1e6, 1, Seconds(0), {});
  }
  measure(state, simulate_flow, cluster, w.finish());
}
BENCHMARK(one_ring_over_all_devices)->Arg(64)->Arg(4096)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
