#include "scenarios/measure/harness.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/error.hpp"

#ifdef ORRERY_HAS_BENCHMARK
#include <benchmark/benchmark.h>
#endif

namespace orrery {

#ifdef ORRERY_HAS_BENCHMARK

namespace {

class FastestRun : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Iteration && run.iterations > 0)
        seconds = std::min(seconds, run.real_accumulated_time / static_cast<double>(run.iterations));
  }
  double seconds = std::numeric_limits<double>::infinity();
};

}  // namespace

std::string missing_for_timing() { return ""; }

static double time_once(const MachineKernel& entry, double seconds) {
  constexpr int repetitions = 3;
  const std::function<void()> once = entry.prepare();
  once();
  benchmark::ClearRegisteredBenchmarks();
  const auto loop = [&once](benchmark::State& state) {
    for (auto _ : state) {
      once();
      benchmark::ClobberMemory();
    }
  };
  benchmark::RegisterBenchmark(entry.name.c_str(), loop)
      ->Repetitions(repetitions)
      ->MinTime(seconds / repetitions)
      ->UseRealTime();
  FastestRun fastest;
  benchmark::RunSpecifiedBenchmarks(&fastest);
  benchmark::ClearRegisteredBenchmarks();
  ORRERY_CHECK(fastest.seconds > 0 && std::isfinite(fastest.seconds), "{} was not timed", entry.name);
  return fastest.seconds;
}

std::vector<double> time_kernels(std::span<const MachineKernel> kernels, double seconds_each) {
  constexpr int rounds = 2;
  std::vector<double> seconds(kernels.size(), std::numeric_limits<double>::infinity());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < kernels.size(); ++i)
      seconds[i] = std::min(seconds[i], time_once(kernels[i], seconds_each / rounds));
  return seconds;
}

#else

std::string missing_for_timing() { return "Google Benchmark (Debian: libbenchmark-dev), and building again"; }

std::vector<double> time_kernels(std::span<const MachineKernel>, double) {
  internal_error(__FILE__, __LINE__, "built without " + missing_for_timing());
}

#endif

}  // namespace orrery
