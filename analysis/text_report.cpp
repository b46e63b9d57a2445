#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analysis/report.hpp"
#include "analysis/text_style.hpp"
#include "sim/unit_text.hpp"

namespace orrery {
namespace {

constexpr int green = 32, red = 31, yellow = 33, blue = 34, bold = 1;
constexpr std::string_view full_cell = "█", dark_cell = "▓", light_cell = "░", dot_cell = "·";

std::string seconds(double s) { return s > 0 ? human(Seconds(s)) : "-"; }
std::string bytes(double b) { return b != 0 ? human(Bytes(b)) : "-"; }

struct Row {
  std::string name;
  const StageMetrics* stage = nullptr;
};

// All stages, or of many only the first, the worst and the last.
template <class Badness> std::vector<Row> rows_of(const JobMetrics& job, Badness badness) {
  const auto& all = job.stages;
  std::vector<const StageMetrics*> shown;
  if (all.size() <= 8) {
    for (const StageMetrics& s : all) shown.push_back(&s);
  } else {
    const auto worst = std::max_element(
        all.begin(), all.end(), [&](const StageMetrics& a, const StageMetrics& b) { return badness(a) < badness(b); });
    shown.push_back(&all.front());
    if (worst != all.begin() && worst + 1 != all.end()) shown.push_back(&*worst);
    shown.push_back(&all.back());
  }
  std::vector<Row> rows;
  for (const StageMetrics* s : shown) rows.push_back({fmt::format("{}", s->stage), s});
  return rows;
}

std::string shown_stages(const JobMetrics& job, std::string_view few, std::string_view many) {
  return job.stages.size() <= 8 ? std::string(few) : fmt::format("{} stages: {}", job.stages.size(), many);
}

// Devices are counted exactly; a fraction can only come from a mean.
std::string devices_text(double devices) {
  return fmt::format("{:.{}f}", devices, devices == std::floor(devices) ? 0 : 1);
}
std::string share(double part, double whole) { return part > 0 && whole > 0 ? percent_text(part / whole) : "-"; }

std::string without_trailing_spaces(const std::string& text) {
  std::string trimmed;
  for (const char c : text) {
    if (c == '\n')
      while (!trimmed.empty() && trimmed.back() == ' ') trimmed.pop_back();
    trimmed += c;
  }
  return trimmed;
}

class TextReport {
 public:
  explicit TextReport(TextStyle style) : colour_(style.colour) {}

  std::string render(const Metrics& metrics, const std::string& title, const std::vector<std::string>& notes) {
    text_ = wrapped("", title.empty() ? "Result" : title);
    text_ = paint(text_.substr(0, text_.size() - 1), bold, colour_) + "\n";
    for (int i = 0; i < report_width; ++i) text_ += "─";
    text_ += "\n";
    for (const JobMetrics& job : metrics.jobs)
      if (!job.feasible) does_not_fit(job, metrics.jobs.size() > 1);
    for (const JobMetrics& job : metrics.jobs) {
      if (metrics.jobs.size() > 1) text_ += "\n" + paint(fmt::format("Job {}", job.name), bold, colour_) + "\n";
      headline(job);
      if (job.iteration_s > 0) {
        times(job);
        kernels(job.mean, job.iteration_s);
        communication(job.mean, job.iteration_s);
      }
      memory(job);
      if (job.iteration_s > 0) energy(job);
    }
    if (metrics.jobs.size() != 1) whole_run(metrics);
    if (!notes.empty()) heading("Notes", "");
    for (const std::string& note : notes) text_ += wrapped("  • ", note);
    return without_trailing_spaces(text_);
  }

 private:
  void heading(const std::string& name, const std::string& detail) {
    text_ += "\n" + paint(name, bold, colour_) + (detail.empty() ? "" : fmt::format("  ({})", detail)) + "\n";
  }
  void field(const std::string& name, const std::string& value) {
    text_ += wrapped(fmt::format("  {:<13}", name), value);
  }

  void headline(const JobMetrics& job) {
    std::string devices;
    for (const auto& [model, count] : job.devices_by_model)
      devices += fmt::format("{}{} × {}", devices.empty() ? "" : " + ", devices_text(count), model);
    field("devices", devices.empty() ? devices_text(job.devices) : devices);
    if (job.iteration_s <= 0) {
      field("iteration", "none was completed");
      memory_used(job);
      return;
    }
    std::string time = seconds(job.iteration_s);
    if (job.tokens_per_s > 0)
      time += fmt::format("    {} tokens/s ({} per device)", count_text(job.tokens_per_s),
                          count_text(job.tokens_per_s_per_device));
    if (job.samples_per_s > 0) time += fmt::format("    {} samples/s", count_text(job.samples_per_s));
    field("iteration", time);
    if (job.measured_iterations > 1 && !job.iterations_s.empty()) field("", mean_of_iterations(job));
    if (job.iteration_s_low && job.iteration_s_high)
      field("90 % band", fmt::format("{} to {}", seconds(*job.iteration_s_low), seconds(*job.iteration_s_high)));
    if (job.mfu || job.hfu || job.model_tflops_per_device) field("utilization", utilization(job));
    field("energy", std::isnan(job.energy_J)
                        ? "unknown: that of the kernels is not known (see the warnings)"
                        : fmt::format("{} per iteration    {} ({} per device)", human(Joules(job.energy_J)),
                                      human(Watts(job.average_power_W)),
                                      human(Watts(job.devices > 0 ? job.average_power_W / job.devices : 0))));
    if (job.time_to_train_s) field("training", training(job));
    if (job.cost) field("cost", costs(*job.cost));
    if (job.reliability) field("goodput", goodput(*job.reliability));
    memory_used(job);
  }

  // Of the measured iterations: the last completed ones.
  static std::string mean_of_iterations(const JobMetrics& job) {
    const auto& all = job.iterations_s;
    const auto first = all.end() - std::min<std::ptrdiff_t>(job.measured_iterations, std::ssize(all));
    const auto [least, most] = std::minmax_element(first, all.end());
    return fmt::format("mean of {} iterations, {} to {}", job.measured_iterations, seconds(*least), seconds(*most));
  }
  static std::string training(const JobMetrics& job) {
    std::string text = fmt::format("{:.3g} days", *job.time_to_train_s / 86400);
    if (job.energy_to_train_J.value_or(0) > 0) text += fmt::format("    {:.3g} MWh", *job.energy_to_train_J / 3.6e9);
    return text;
  }
  static std::string dollars(double value, double low, double high) {
    if (low == high) return count_text(value) + " USD";
    return fmt::format("{} USD ({} to {})", count_text(value), count_text(low), count_text(high));
  }
  static std::string costs(const CostMetrics& cost) {
    std::string text;
    if (cost.training_USD)
      text += dollars(*cost.training_USD, cost.training_low_USD.value_or(0), cost.training_high_USD.value_or(0)) +
              "    ";
    if (cost.per_million_tokens_USD)
      text += fmt::format("{:.3g} USD per million tokens    ", *cost.per_million_tokens_USD);
    return text + cost.basis;
  }

  static std::string goodput(const GoodputMetrics& r) {
    const bool best = r.checkpoint_interval_s == r.best_checkpoint_interval_s;
    std::string text = fmt::format("{} of the time, a failure every {}, a checkpoint every {} ({})",
                                   percent_text(r.goodput), seconds(r.mtbf_s), seconds(r.checkpoint_interval_s),
                                   best ? "the best" : "best: " + seconds(r.best_checkpoint_interval_s));
    if (r.time_to_train_s) text += fmt::format("    {:.3g} days with failures", *r.time_to_train_s / 86400);
    return text;
  }

  static std::string utilization(const JobMetrics& job) {
    std::string text;
    const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : "    ") + part; };
    if (job.mfu) add(fmt::format("MFU {}", percent_text(*job.mfu)));
    if (job.hfu) add(fmt::format("HFU {}", percent_text(*job.hfu)));
    if (job.model_tflops_per_device)
      add(fmt::format("{} per device", human(FlopsPerSecond(*job.model_tflops_per_device * 1e12))));
    if (!job.flop_convention.empty()) add(fmt::format("(FLOPs: {})", job.flop_convention));
    return text;
  }

  void memory_used(const JobMetrics& job) {
    const double peak = job.mean.memory_peak_bytes, capacity = job.mean.memory_capacity_bytes;
    field("memory", capacity > 0 ? fmt::format("{}: {} of {} ({})", peak <= capacity ? "fits" : "does not fit",
                                               bytes(peak), bytes(capacity), percent_text(peak / capacity))
                                 : fmt::format("{} (capacity unknown)", bytes(job.memory_peak_bytes)));
    if (const auto& pool = job.memory_pools)
      field("memory pool",
            fmt::format("{}: {} of {} ({}) in the fullest of {}", pool->too_small == 0 ? "fits" : "does not fit",
                        bytes(pool->peak_bytes), bytes(pool->capacity_bytes),
                        percent_text(pool->peak_bytes / pool->capacity_bytes), pool->pools));
  }

  // The verdict comes before the numbers, which hold for a machine that does not exist.
  void does_not_fit(const JobMetrics& job, bool named) {
    std::vector<const StageMetrics*> stages;
    for (const StageMetrics& s : job.stages)
      if (s.memory_capacity_bytes > 0 && s.memory_peak_bytes > s.memory_capacity_bytes) stages.push_back(&s);
    const std::string whose = named ? fmt::format(" (job {})", job.name) : "";
    if (const auto& pool = job.memory_pools; pool && pool->too_small > 0)
      text_ += paint(fmt::format("DOES NOT FIT IN MEMORY POOL {}{}: {} short ({:.0f} bytes), {} of {} pools too small",
                                 pool->name, whose, human(Bytes(pool->shortfall_bytes())), pool->shortfall_bytes(),
                                 pool->too_small, pool->pools),
                     red, colour_) +
               "\n";
    double short_by = 0;
    for (const StageMetrics* s : stages) short_by = std::max(short_by, s->memory_peak_bytes - s->memory_capacity_bytes);
    if (short_by > 0)
      text_ += paint(fmt::format("DOES NOT FIT IN MEMORY{}: {} short per device ({:.0f} bytes)", whose,
                                 human(Bytes(short_by)), short_by),
                     red, colour_) +
               "\n";
    std::stable_sort(stages.begin(), stages.end(), [](const StageMetrics* a, const StageMetrics* b) {
      return a->memory_peak_bytes - a->memory_capacity_bytes > b->memory_peak_bytes - b->memory_capacity_bytes;
    });
    constexpr std::size_t shown = 4;
    for (std::size_t i = 0; i < std::min(shown, stages.size()); ++i) {
      const StageMetrics& s = *stages[i];
      const double missing = s.memory_peak_bytes - s.memory_capacity_bytes;
      text_ += wrapped("  • ",
                       fmt::format("stage {} ({} devices): {} needed of {} per device, {} short "
                                   "({:.0f} bytes); largest: {}",
                                   s.stage, devices_text(s.devices), bytes(s.memory_peak_bytes),
                                   bytes(s.memory_capacity_bytes), bytes(missing), missing, largest_consumers(s)));
    }
    if (stages.size() > shown) text_ += fmt::format("  • {} more stages do not fit either\n", stages.size() - shown);
    text_ += wrapped("  ", "All figures below are those of the same devices with enough memory.");
  }

  static std::string largest_consumers(const StageMetrics& stage) {
    std::vector<std::size_t> order = {0, 1, 2, 3, 4};
    const auto& held = stage.memory_peak_by_category_bytes;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return held[a] > held[b]; });
    std::string text;
    for (const std::size_t i : order)
      if (held[i] > 0)
        text += fmt::format("{}{} {} ({})", text.empty() ? "" : ", ", memory_category_names[i], bytes(held[i]),
                            percent_text(held[i] / stage.memory_peak_bytes));
    return text;
  }

  void times(const JobMetrics& job) {
    heading("Time per iteration", shown_stages(job, "mean over the devices of a stage",
                                               "the first, the one with most compute, the last, the mean"));
    text_ += fmt::format("  {:<6}{:>8}{:>11}{:>11}{:>11}{:>11}\n", "stage", "devices",
                         fmt::format("{} compute", full_cell), fmt::format("{} exposed", dark_cell),
                         fmt::format("{} bubble", light_cell), fmt::format("{} other", dot_cell));
    std::vector<Row> rows = rows_of(job, [](const StageMetrics& s) { return s.compute_s; });
    if (job.stages.size() > 1) rows.push_back({"mean", &job.mean});
    for (const Row& row : rows) {
      const StageMetrics& s = *row.stage;
      const BarPart parts[] = {{s.compute_s, full_cell, green},
                               {s.exposed_communication_s, dark_cell, red},
                               {s.bubble_s, light_cell, yellow},
                               {s.other_s, dot_cell, 0}};
      text_ += fmt::format("  {:<6}{:>8}{:>11}{:>11}{:>11}{:>11}  {}\n", row.name, devices_text(s.devices),
                           seconds(s.compute_s), seconds(s.exposed_communication_s), seconds(s.bubble_s),
                           seconds(s.other_s), bar(parts, job.iteration_s, 38, colour_));
    }
    if (job.waiting_s > 5e-4 * job.iteration_s)
      text_ += wrapped("  ", fmt::format("Of other, {} ({}) is waiting for slower devices or links.",
                                         seconds(job.waiting_s), share(job.waiting_s, job.iteration_s)));
  }

  void kernels(const StageMetrics& mean, double iteration) {
    if (mean.compute_by_kernel_s.empty()) return;
    heading("Compute by kernel", "mean over all devices, share of the iteration");
    std::vector<std::pair<std::string, double>> order(mean.compute_by_kernel_s.begin(), mean.compute_by_kernel_s.end());
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    constexpr std::size_t shown = 8;
    if (order.size() > shown) {
      double rest = 0;
      for (std::size_t i = shown - 1; i < order.size(); ++i) rest += order[i].second;
      const std::size_t merged = order.size() - (shown - 1);
      order.resize(shown - 1);
      order.emplace_back(fmt::format("{} others", merged), rest);
    }
    for (const auto& [name, time] : order) {
      const BarPart part[] = {{time, full_cell, green}};
      text_ += fmt::format("  {} {:>9} {:>8}   {}\n", fitted(name, 34), seconds(time), share(time, iteration),
                           bar(part, iteration, 40, colour_));
    }
  }

  void communication(const StageMetrics& mean, double iteration) {
    if (mean.communication_by_collective_s.empty()) return;
    heading("Communication", "mean over all devices: exposed, share of the iteration, in flight");
    std::vector<std::pair<std::string, double>> order(mean.communication_by_collective_s.begin(),
                                                      mean.communication_by_collective_s.end());
    const auto exposed = [&](const std::string& name) {
      const auto at = mean.exposed_by_collective_s.find(name);
      return at == mean.exposed_by_collective_s.end() ? 0.0 : at->second;
    };
    std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
      return std::pair(exposed(a.first), a.second) > std::pair(exposed(b.first), b.second);
    });
    for (const auto& [name, in_flight] : order) {
      const double open = exposed(name);
      const BarPart parts[] = {{open, dark_cell, red}, {std::max(0.0, in_flight - open), light_cell, 0}};
      text_ += fmt::format("  {} {:>9} {:>8} {:>9}  {}\n", fitted(name, 34), seconds(open), share(open, iteration),
                           seconds(in_flight), bar(parts, iteration, 31, colour_));
    }
  }

  void memory(const JobMetrics& job) {
    if (job.memory_peak_bytes <= 0) return;
    heading("Memory at its peak",
            shown_stages(job, "fullest device of a stage", "fullest device of the first, the fullest and the last"));
    text_ += fmt::format("  {:<6}", "stage");
    for (const std::string_view name : memory_category_names) text_ += fmt::format("{:>12}", name);
    text_ += fmt::format("{:>9}\n", "peak");
    for (const Row& row : rows_of(job, [](const StageMetrics& s) { return s.memory_peak_bytes; })) {
      const StageMetrics& s = *row.stage;
      text_ += fmt::format("  {:<6}", row.name);
      for (const double held : s.memory_peak_by_category_bytes) text_ += fmt::format("{:>12}", bytes(held));
      text_ += fmt::format("{:>9}", bytes(s.memory_peak_bytes));
      if (s.memory_capacity_bytes > 0) {
        const bool fits = s.memory_peak_bytes <= s.memory_capacity_bytes;
        const BarPart parts[] = {{s.memory_peak_bytes, full_cell, fits ? blue : red},
                                 {s.memory_capacity_bytes - s.memory_peak_bytes, light_cell, 0}};
        text_ += fmt::format("  {} {}", bar(parts, s.memory_capacity_bytes, 10, colour_),
                             percent_text(s.memory_peak_bytes / s.memory_capacity_bytes));
      }
      text_ += "\n";
    }
  }

  void energy(const JobMetrics& job) {
    if (!(job.energy_J > 0)) return;  // none, or unknown
    heading("Energy per iteration", "all devices, mean power");
    const std::pair<std::string_view, double> parts[] = {{"kernels (dynamic)", job.energy.compute_J},
                                                         {"links (dynamic)", job.energy.transfer_J},
                                                         {"idle and leakage", job.energy.static_J},
                                                         {"host, fans, NICs", job.energy.host_J},
                                                         {"switches, cables", job.energy.network_J}};
    for (const auto& [name, joules] : parts) {
      if (joules <= 0) continue;
      const BarPart part[] = {{joules, full_cell, yellow}};
      text_ += fmt::format("  {} {:>9} {:>9} {:>8}  {}\n", fitted(name, 24), human(Joules(joules)),
                           human(Watts(joules / job.iteration_s)), share(joules, job.energy_J),
                           bar(part, job.energy_J, 40, colour_));
    }
  }

  void whole_run(const Metrics& metrics) {
    heading("Whole run", "");
    field("time", seconds(metrics.end_s));
    if (metrics.energy_J > 0)
      field("energy", fmt::format("{}    {}", human(Joules(metrics.energy_J)), human(Watts(metrics.average_power_W))));
    if (metrics.link_bytes > 0) field("links", fmt::format("{} (bytes × links crossed)", bytes(metrics.link_bytes)));
  }

  bool colour_;
  std::string text_;
};

}  // namespace

std::string text_report(const Metrics& metrics, const std::string& title, const std::vector<std::string>& notes,
                        TextStyle style) {
  return TextReport(style).render(metrics, title, notes);
}

}  // namespace orrery
