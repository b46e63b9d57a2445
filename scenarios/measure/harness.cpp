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

namespace {

constexpr int rounds = 2, repetitions = 3;

// How many runs in a row take `shortest_train` at least.
int train_length(const ReadyKernel& ready) {
  constexpr double shortest_train = 2e-3;
  constexpr int most = 4096;
  ready.train(1);
  int launches = 1;
  for (double seconds = ready.train(1); seconds < shortest_train && launches < most; seconds = ready.train(launches))
    launches = std::min(most, 1 + static_cast<int>(launches * std::clamp(1.2 * shortest_train / seconds, 1.5, 64.0)));
  return launches;
}

double fastest_of(const char* name, benchmark::internal::Benchmark* registered, double seconds) {
  registered->Repetitions(repetitions)->MinTime(seconds / repetitions);
  FastestRun fastest;
  benchmark::RunSpecifiedBenchmarks(&fastest);
  benchmark::ClearRegisteredBenchmarks();
  ORRERY_CHECK(fastest.seconds > 0 && std::isfinite(fastest.seconds), "{} was not timed", name);
  return fastest.seconds;
}

double time_once(const char* name, const ReadyKernel& ready, double seconds) {
  benchmark::ClearRegisteredBenchmarks();
  if (ready.train) {
    const int launches = train_length(ready);
    const auto loop = [&ready, launches](benchmark::State& state) {
      for (auto _ : state) state.SetIterationTime(ready.train(launches));
    };
    return fastest_of(name, benchmark::RegisterBenchmark(name, loop)->UseManualTime(), seconds) / launches;
  }
  ready.once();
  const auto loop = [&ready](benchmark::State& state) {
    for (auto _ : state) {
      ready.once();
      benchmark::ClobberMemory();
    }
  };
  return fastest_of(name, benchmark::RegisterBenchmark(name, loop)->UseRealTime(), seconds);
}

void time_into(Timing& timing, const MachineKernel& entry, double seconds) {
  if (!timing.skipped.empty()) return;
  try {
    const ReadyKernel ready = entry.prepare();
    timing.seconds = std::min(timing.seconds, time_once(entry.name.c_str(), ready, seconds));
    if (ready.reading) timing.reading = ready.reading();
  } catch (const NotMeasured& reason) {
    timing.skipped = reason.what();
  }
}

}  // namespace

std::vector<Timing> time_kernels(std::span<const MachineKernel> kernels, double seconds_each) {
  std::vector<Timing> timings(kernels.size());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < kernels.size(); ++i) time_into(timings[i], kernels[i], seconds_each / rounds);
  return timings;
}

#else

std::string missing_for_timing() { return "Google Benchmark (Debian: libbenchmark-dev), and building again"; }

std::vector<Timing> time_kernels(std::span<const MachineKernel>, double) {
  internal_error(__FILE__, __LINE__, "built without " + missing_for_timing());
}

#endif

}  // namespace orrery
