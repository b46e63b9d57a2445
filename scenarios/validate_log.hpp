// Iteration times in the logs that training frameworks write, as text lines wherever they stand:
//   Megatron-LM (and its forks)   "iteration 12/ 500 | ... | elapsed time per iteration (ms): 5444.9 | ... | global batch size: 128 |"
//   NeMo                          "... | global_step: 10 | ... | train_step_timing in s: 5.61 | ...", or in its progress bar
//   DeepSpeed                     "steps: 10 loss: 2.33 iter time (s): 5.43 samples/sec: 94.3", "CurrSamplesPerSec=94.3"
//   torchtitan                    "step: 10  loss: ...  tps: 5,762 ..." (tokens per second and device; "wps" before 2025)
//   llm-foundry (Composer)        "[batch=20/4800]:" with "Train throughput/samples_per_sec: 146.6" below it
// A line is the mean since the line before it, so it counts once, whatever it spans. Lines of other ranks are left out,
// and what a log says of its job (degrees, sizes) is kept to compare it with the scenario. Nothing is guessed from a name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

enum class StepQuantity { seconds, samples_per_s, tokens_per_s, tokens_per_s_per_device };

struct LoggedStep {
  std::optional<std::int64_t> number;  // as logged
  double value = 0;
  StepQuantity quantity = StepQuantity::seconds;
  std::optional<std::int64_t> global_batch;  // where the line states it
};

struct TrainingLog {
  std::string file, framework;
  std::vector<LoggedStep> steps;               // in the order of the log
  std::map<std::string, std::int64_t> stated;  // "/jobs/0/plan/tensor" -> 8; "devices"
};

// SpecError when the text holds no iteration, or the file cannot be read.
TrainingLog parse_training_log(std::string_view text, const std::string& file);
TrainingLog read_training_log(const std::filesystem::path&);

struct StepWork {  // of one step, to turn rates into times
  double samples = 0, tokens = 0, devices = 0;
};

struct SteadyTime {
  double median_s = 0, low_s = 0, high_s = 0;  // 10th and 90th percentile
  std::size_t logged = 0, used = 0, warm_up = 0, other_batch = 0, restarts = 0;
};

// The steady steps: those with the scenario's global batch (a ramp-up is left out), after the warm-up of every start; a
// number that goes back is a restart. Warm-up: the first `warm_up` iterations; when not given the first line and all up to
// ten iterations, but at most half of the lines. SpecError when nothing is left.
SteadyTime steady_time(const std::vector<LoggedStep>&, const StepWork&, std::optional<std::int64_t> warm_up,
                       const std::string& file);

}  // namespace orrery
