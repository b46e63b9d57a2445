#include "scenarios/validate_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "analysis/error_statistics.hpp"
#include "scenarios/nccl_log.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr std::string_view expected_log =
    "iterations as Megatron-LM (\"elapsed time per iteration (ms): ...\"), NeMo (\"train_step_timing in s: ...\"), "
    "torchtitan (\"step: ... tps: ...\"), llm-foundry (\"[batch=...]\", \"throughput/samples_per_sec: ...\") or "
    "DeepSpeed (\"iter time (s): ...\", \"CurrSamplesPerSec=...\") log them; other logs can be given as a CSV with "
    "--column";

// Names in the logs and what they are in a scenario.
struct StatedName {
  std::string_view name, what;
};
constexpr std::array<StatedName, 18> stated_names = {{
    {"world_size", "devices"},
    {"n_gpus", "devices"},
    {"tensor_model_parallel_size", "/jobs/0/plan/tensor"},
    {"pipeline_model_parallel_size", "/jobs/0/plan/pipeline"},
    {"context_parallel_size", "/jobs/0/plan/context"},
    {"micro_batch_size", "/jobs/0/batch/micro"},
    {"device_train_microbatch_size", "/jobs/0/batch/micro"},
    {"trainer/device_train_microbatch_size", "/jobs/0/batch/micro"},
    {"global_batch_size", "/jobs/0/batch/global"},
    {"global_train_batch_size", "/jobs/0/batch/global"},
    {"seq_length", "/jobs/0/model/sequence"},
    {"max_seq_len", "/jobs/0/model/sequence"},
    {"num_layers", "/jobs/0/model/layers"},
    {"n_layers", "/jobs/0/model/layers"},
    {"hidden_size", "/jobs/0/model/hidden"},
    {"d_model", "/jobs/0/model/hidden"},
    {"num_attention_heads", "/jobs/0/model/heads"},
    {"n_heads", "/jobs/0/model/heads"},
}};

// On the line with which Megatron-LM says how it divides the devices.
constexpr std::array<StatedName, 6> world_names = {{
    {"world size:", "devices"},
    {"data-parallel size:", "/jobs/0/plan/data"},
    {"data-parallel-size:", "/jobs/0/plan/data"},  // until 2023
    {"context-parallel size:", "/jobs/0/plan/context"},
    {"tensor-model-parallel size:", "/jobs/0/plan/tensor"},
    {"pipeline-model-parallel size:", "/jobs/0/plan/pipeline"},
}};

std::string without_colours(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '[') {
      while (i < text.size() && !((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z'))) ++i;
      continue;
    }
    plain += text[i];
  }
  return plain;
}

// The number after `key` (and spaces), thousands separated by commas or not.
std::optional<double> number_after(std::string_view line, std::string_view key) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t first = line.find_first_not_of(" \t", at + key.size());
  if (first == std::string_view::npos) return std::nullopt;
  std::string digits;
  for (char c : line.substr(first))
    if ((c >= '0' && c <= '9') || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-')
      digits += c;
    else if (c != ',')
      break;
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end == digits.data() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> count_after(std::string_view line, std::string_view key) {
  const auto value = number_after(line, key);
  if (!value || *value < 0 || *value > 1e15 || *value != std::floor(*value)) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

// "[rank3]:", "[default3]:" in front of a line; "" without.
std::string_view rank_prefix(std::string_view line) {
  for (const std::string_view open : {"[rank", "[default"})
    if (line.starts_with(open)) return line.substr(0, std::min(line.find(']'), line.size()));
  return {};
}

class LogReader {
 public:
  explicit LogReader(std::string file) { log_.file = std::move(file); }

  void line(std::string_view raw) {
    ++lines_;
    const std::string text = without_colours(raw);
    if (megatron(text) || nemo(text) || torchtitan(text) || deepspeed(text) || composer(text)) return;
    stated(text);
  }

  TrainingLog finish(std::string_view whole_text) && {
    flush();
    if (!log_.steps.empty()) return std::move(log_);
    if (batches_ > 0)
      throw SpecError(
          log_.file, "", "\"throughput/samples_per_sec\" below the batches",
          fmt::format("{} batches without it (Composer's speed monitor speaks after its window is full)", batches_));
    bool collectives = true;
    try {
      parse_nccl_log(whole_text, log_.file);
    } catch (const SpecError&) {
      collectives = false;
    }
    throw SpecError(log_.file, "", std::string(expected_log),
                    collectives ? "rows of nccl-tests (compare them with `orrery collective --topology MACHINE --log "
                                  "FILE`)"
                                : fmt::format("none in {} {}", lines_, lines_ == 1 ? "line" : "lines"));
  }

 private:
  bool megatron(std::string_view text) {
    constexpr std::string_view in_ms = "elapsed time per iteration (ms):", in_s = "elapsed time per iteration (s):";
    auto seconds = number_after(text, in_s);
    if (const auto ms = number_after(text, in_ms)) seconds = *ms * 1e-3;
    if (!seconds) return false;
    add("Megatron-LM", text,
        {count_after(text, "iteration"), *seconds, StepQuantity::seconds, count_after(text, "global batch size:")});
    return true;
  }

  // "iteration 10/99 | ... | global_step: 10 | train_step_timing in s: 5.61" or a progress bar with "global_step=10.00".
  bool nemo(std::string_view text) {
    auto seconds = number_after(text, "train_step_timing in s:");
    if (!seconds) seconds = number_after(text, "train_step_timing in s=");
    if (!seconds) return false;
    auto step = count_after(text, "global_step:");
    if (!step) step = count_after(text, "global_step=");
    add("NeMo", text, {step, *seconds, StepQuantity::seconds, count_after(text, "global_batch_size:")});
    return true;
  }

  // "steps: 10 loss: 2.3 iter time (s): 5.4 samples/sec: 94" (pipelines) or "global_step=10, ... CurrSamplesPerSec=94.3".
  bool deepspeed(std::string_view text) {
    if (const auto seconds = number_after(text, "iter time (s):")) {
      add("DeepSpeed", text, {count_after(text, "steps:"), *seconds, StepQuantity::seconds, std::nullopt});
      return true;
    }
    const auto rate = number_after(text, "CurrSamplesPerSec=");
    if (!rate) return false;
    add("DeepSpeed", text, {count_after(text, "global_step="), *rate, StepQuantity::samples_per_s, std::nullopt});
    return true;
  }

  bool torchtitan(std::string_view text) {
    const auto step = count_after(text, "step:");
    auto rate = number_after(text, "tps:");
    if (!rate) rate = number_after(text, "wps:");
    if (!step || !rate || text.find("loss:") == std::string_view::npos) return false;
    add("torchtitan", text, {step, *rate, StepQuantity::tokens_per_s_per_device, std::nullopt});
    return true;
  }

  // A block of lines below "[batch=20/4800]:", or one line with all of it.
  bool composer(std::string_view text) {
    if (const auto batch = count_after(text, "[batch=")) {
      flush();
      ++batches_;
      block_ = {batch, 0, StepQuantity::seconds, std::nullopt};
      block_line_ = text;
    }
    if (!block_) return false;
    if (const auto rate = number_after(text, "throughput/samples_per_sec:")) {
      block_->value = *rate;
      block_->quantity = StepQuantity::samples_per_s;
    } else if (const auto steps = number_after(text, "throughput/batches_per_sec:");
               steps && *steps > 0 && !(block_->value > 0)) {
      block_->value = 1 / *steps;
    }
    if (text.find("Train ") != std::string_view::npos) stated(text);
    return text.find("[batch=") != std::string_view::npos || text.find("Train ") != std::string_view::npos;
  }

  void flush() {
    if (block_ && block_->value > 0) add("llm-foundry (Composer)", block_line_, *block_);
    block_.reset();
  }

  void add(std::string_view framework, std::string_view text, const LoggedStep& step) {
    if (!(step.value > 0)) return;
    if (!log_.steps.empty() && log_.framework != framework) return;  // Megatron-DeepSpeed logs each step twice
    const std::string rank(rank_prefix(text));
    if (log_.steps.empty()) rank_ = rank;
    if (rank != rank_) return;
    const bool repeated = !log_.steps.empty() && step.number && log_.steps.back().number == step.number;
    if (repeated) return;  // the same step as another rank saw it
    log_.framework = framework;
    log_.steps.push_back(step);
  }

  // "  hidden_size ........ 12288", "d_model: 4096", "... global batch size 8, ... sequence length 8192, ..."
  void stated(std::string_view text) {
    for (const StatedName& entry : stated_names) {
      const std::size_t at = text.find(entry.name);
      if (at == std::string_view::npos || (at > 0 && text[at - 1] != ' ' && text[at - 1] != '\t')) continue;
      std::size_t end = at + entry.name.size();
      const std::size_t dots = std::min(text.find_first_not_of(" .:", end), text.size());
      if (dots == end) continue;
      const std::string rest = "=" + std::string(text.substr(dots));
      if (const auto value = count_after(rest, "=")) log_.stated.emplace(entry.what, *value);
    }
    // "using world size: 128, data-parallel size: 4, context-parallel size: 1, tensor-model-parallel size: 8, ..."
    if (text.find("world size:") != std::string_view::npos)
      for (const StatedName& entry : world_names)
        if (const auto value = count_after(text, entry.name)) log_.stated.emplace(entry.what, *value);
    if (text.find("local batch size") == std::string_view::npos) return;
    if (const auto global = count_after(text, "global batch size"))
      log_.stated.emplace("/jobs/0/batch/global", *global);
    if (const auto sequence = count_after(text, "sequence length"))
      log_.stated.emplace("/jobs/0/model/sequence", *sequence);
  }

  TrainingLog log_;
  std::string rank_, block_line_;
  std::optional<LoggedStep> block_;
  std::size_t lines_ = 0, batches_ = 0;
};

double seconds_of(const LoggedStep& step, const StepWork& work) {
  switch (step.quantity) {
    case StepQuantity::seconds:
      return step.value;
    case StepQuantity::samples_per_s:
      return work.samples / step.value;
    case StepQuantity::tokens_per_s:
      return work.tokens / step.value;
    case StepQuantity::tokens_per_s_per_device:
      return work.tokens / (step.value * work.devices);
  }
  return 0;
}

// How many of `steps` (one start) are warm-up.
std::size_t warm_up_of(const std::vector<LoggedStep>& steps, std::optional<std::int64_t> asked) {
  constexpr std::int64_t usual = 10;
  const std::int64_t iterations = asked.value_or(usual);
  // A start is at the iteration before its first line, except where the first line already sums several up.
  const std::int64_t first = steps[0].number.value_or(1);
  const std::int64_t from = first > iterations || first == 0 ? first - 1 : 0;  // some count from zero
  std::size_t out = 0;
  while (out < steps.size() && steps[out].number.value_or(static_cast<std::int64_t>(out) + 1) - from <= iterations)
    ++out;
  if (asked) return out;
  return std::min(std::max<std::size_t>(out, 1), steps.size() / 2);
}

}  // namespace

TrainingLog parse_training_log(std::string_view text, const std::string& file) {
  LogReader reader(file);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());  // progress bars return the carriage
    reader.line(rest.substr(0, end));
    const bool both = rest.substr(end).starts_with("\r\n");
    rest.remove_prefix(std::min(end + (both ? 2 : 1), rest.size()));
  }
  return std::move(reader).finish(text);
}

TrainingLog read_training_log(const std::filesystem::path& path) {
  return parse_training_log(read_log_text(path, "a training log"), path.string());
}

SteadyTime steady_time(const std::vector<LoggedStep>& steps, const StepWork& work, std::optional<std::int64_t> warm_up,
                       const std::string& file) {
  SteadyTime steady;
  steady.logged = steps.size();
  std::vector<std::vector<LoggedStep>> starts;
  std::optional<std::int64_t> last, other;
  for (const LoggedStep& step : steps) {
    const bool again = last && step.number && *step.number < *last;
    if (starts.empty() || again) starts.emplace_back();
    last = step.number;
    if (step.global_batch && static_cast<double>(*step.global_batch) != work.samples) {
      other = step.global_batch;
      ++steady.other_batch;
    } else {
      starts.back().push_back(step);
    }
  }
  steady.restarts = starts.empty() ? 0 : starts.size() - 1;
  std::vector<double> times;
  for (const auto& start : starts) {
    if (start.empty()) continue;
    const std::size_t out = warm_up_of(start, warm_up);
    steady.warm_up += out;
    for (std::size_t i = out; i < start.size(); ++i) times.push_back(seconds_of(start[i], work));
  }
  if (times.empty() && other)
    throw SpecError(file, "", fmt::format("iterations with the scenario's global batch size of {}", work.samples),
                    fmt::format("a global batch size of {}", *other));
  if (times.empty())
    throw SpecError(file, "", "iterations after the warm-up",
                    fmt::format("none: all {} lines are warm-up", steady.logged));
  steady.used = times.size();
  steady.median_s = *median(times);
  steady.low_s = *quantile(times, 0.1);
  steady.high_s = *quantile(times, 0.9);
  return steady;
}

}  // namespace orrery
