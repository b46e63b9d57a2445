// How many points per second a sweep simulates and stores, from reading the file to the last commit. items_per_second is
// points/s over all workers; points_per_s_per_core divides by their number (as many as processors).
#include <filesystem>
#include <thread>

#include <benchmark/benchmark.h>

#include "scenarios/sweep.hpp"
#include "sim/error.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;

namespace {

// GPT-3 175B on 1024 GPUs: 4 ways to split it, with networks of `bandwidths` speeds.
std::string sweep_text(const char* fidelity, int bandwidths) {
  return fmt::format(R"x({{"orrery": "sweep/1", "base": "gpt3-175b-1024-a100",
    "axes": [{{"path": "/jobs/0/plan/tensor", "values": [4, 8]}},
             {{"path": "/jobs/0/plan/pipeline", "values": [8, 16]}},
             {{"path": "/cluster/pools/0/node/nics/link/bandwidth_per_direction", "name": "nic",
               "from": "50 Gb/s", "to": "800 Gb/s", "points": {}}},
             {{"path": "/simulate/fidelity", "values": ["{}"]}}],
    "derived": [{{"name": "data", "path": "/jobs/0/plan/data", "expression": "1024 / (tensor * pipeline)"}}]}})x",
                     bandwidths, fidelity);
}

void sweep(benchmark::State& state, const char* fidelity, int batches) {
  const test::Folder folder;
  const std::string file = folder.write("sweep.json", sweep_text(fidelity, batches));
  const int jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::size_t points = 0;
  for (auto _ : state) {
    const std::string out = folder.path("sweep.sqlite");
    std::filesystem::remove(out);
    const Sweep loaded = load_sweep(file, Library::installed(), 0);
    Store store = Store::open_to_write(out, identify(loaded));
    const SweepCounts counts = run_sweep(
        loaded, store, {}, jobs, [] { return false; }, [](const auto&, const auto&) {});
    ORRERY_CHECK(counts.invalid + counts.failed == 0, "{} points could not be simulated",
                 counts.invalid + counts.failed);
    points += counts.done;
  }
  const auto all = static_cast<double>(points);
  state.SetItemsProcessed(static_cast<std::int64_t>(points));
  state.counters["points_per_s_per_core"] = benchmark::Counter(all / jobs, benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(sweep, analytic_1024_gpus_1000_points, "analytic", 250)
    ->UseRealTime()
    ->Unit(benchmark::kSecond)
    ->Iterations(1);
BENCHMARK_CAPTURE(sweep, flow_1024_gpus_100_points, "flow", 25)->UseRealTime()->Unit(benchmark::kSecond)->Iterations(1);

}  // namespace
