#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analysis/text_style.hpp"
#include "scenarios/comparison.hpp"
#include "scenarios/text_table.hpp"
#include "sim/unit_text.hpp"

namespace orrery {
namespace {

constexpr std::size_t most_inputs = 40, most_metrics = 24;

std::string value_text(const Json& value) {
  if (value.is_null()) return "-";
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  return columns(text) > 34 ? fitted(text, 34) : text;
}

// Named parts that were exchanged for others: one line instead of one for every value in them.
std::vector<InputChange> summarized(const std::vector<InputChange>& inputs) {
  std::vector<std::string> replaced;
  for (const InputChange& change : inputs)
    if (change.pointer.ends_with("/name") && change.pointer != "/name" && change.before.is_string() &&
        change.after.is_string() && change.pointer.find("/jobs/") == std::string::npos)
      replaced.push_back(change.pointer.substr(0, change.pointer.size() - 5));
  std::vector<InputChange> lines;
  for (const InputChange& change : inputs) {
    const auto part = std::find_if(replaced.begin(), replaced.end(), [&](const std::string& p) {
      return change.pointer.starts_with(p + "/") && change.pointer != p + "/name" && p != "/cluster";
    });
    if (part == replaced.end()) lines.push_back(change);
  }
  return lines;
}

std::string signed_seconds(double s) {
  if (s == 0) return "-";
  return (s < 0 ? "-" : "+") + human(Seconds(std::abs(s)));
}

std::string signed_percent(double fraction) { return fmt::format("{:+.1f} %", 100 * fraction); }

TextTable shares_table(const std::vector<TimeShare>& shares, const MetricChange& whole, const std::string& total) {
  TextTable table;
  table.columns = {{"", Align::left},       {"", Align::left},        {"before", Align::right},
                   {"after", Align::right}, {"change", Align::right}, {"of before", Align::right}};
  const double rounding = 1e-9 * std::max(whole.before, whole.after);
  const auto row = [&](const std::string& kind, const std::string& name, double before, double after) {
    const auto time = [](double s) { return s > 0 ? human(Seconds(s)) : std::string("-"); };
    const double share = whole.before > 0 ? (after - before) / whole.before : 0;
    table.rows.push_back({"  " + kind, name, time(before), time(after),
                          std::abs(after - before) < rounding ? "-" : signed_seconds(after - before),
                          std::abs(after - before) < rounding ? "-" : signed_percent(share)});
  };
  double before = 0, after = 0;
  for (const TimeShare& s : shares) {
    before += s.before_s;
    after += s.after_s;
    row(s.kind, s.name, s.before_s, s.after_s);
  }
  row(total, "", before, after);
  return table;
}

TextTable metrics_table(const std::vector<MetricChange>& metrics) {
  TextTable table;
  table.columns = {{"", Align::left},
                   {"before", Align::right},
                   {"after", Align::right},
                   {"change", Align::right},
                   {"", Align::right}};
  for (const MetricChange& m : metrics) {
    if (table.rows.size() == most_metrics) break;
    table.rows.push_back({"  " + m.name, fmt::format("{:.6g}", m.before), fmt::format("{:.6g}", m.after),
                          fmt::format("{:+.4g}", m.after - m.before),
                          m.relative() ? signed_percent(*m.relative()) : "new"});
  }
  if (metrics.size() > most_metrics)
    table.remarks.push_back(fmt::format("  and {} more (--json has them)", metrics.size() - most_metrics));
  return table;
}

// What is said of times and costs of a side that cannot run.
std::string fit_text(double shortfall_bytes) {
  if (shortfall_bytes == 0) return "";
  return fmt::format("  DOES NOT FIT in memory, {} short: its figures are of a machine with that much more",
                     human(Bytes(shortfall_bytes)));
}

std::string only_text(const std::string& when, const std::vector<MetricChange>& metrics) {
  std::string names;
  for (const MetricChange& m : metrics)
    names += fmt::format("{}{} {:.6g}", names.empty() ? "" : ", ", m.name, m.before + m.after);
  return names.empty() ? "" : "  " + when + ": " + names + "\n";
}

}  // namespace

std::string comparison_text(const Comparison& comparison) {
  std::string text = fmt::format("before  {}{}\nafter   {}{}\n\nInput\n", comparison.before,
                                 fit_text(comparison.before_shortfall_bytes), comparison.after,
                                 fit_text(comparison.after_shortfall_bytes));
  const std::vector<InputChange> inputs = summarized(comparison.inputs);
  if (inputs.empty()) text += "  the same\n";
  TextTable table;
  table.columns = {{"", Align::left}, {"before", Align::left}, {"after", Align::left}};
  for (const InputChange& change : inputs) {
    if (table.rows.size() == most_inputs) break;
    table.rows.push_back({"  " + change.pointer, value_text(change.before), value_text(change.after)});
  }
  if (!inputs.empty()) text += table.text();
  if (inputs.size() > most_inputs)
    text += fmt::format("  and {} more (--json has them)\n", inputs.size() - most_inputs);
  if (inputs.size() < comparison.inputs.size())
    text += fmt::format("  ({} values inside exchanged parts are not listed)\n",
                        comparison.inputs.size() - inputs.size());
  for (const JobComparison& job : comparison.jobs) {
    const std::string title = comparison.jobs.size() > 1 ? fmt::format(" of job {}", job.name) : "";
    text += fmt::format("\nIteration{}  {} -> {}", title, human(Seconds(job.iteration.before)),
                        human(Seconds(job.iteration.after)));
    if (job.iteration.relative()) text += fmt::format(" ({})", signed_percent(*job.iteration.relative()));
    text += "\nWhat explains it (time of the mean device; the rows sum to the change)\n" +
            shares_table(job.parts, job.iteration, "iteration").text();
    if (!job.phases.empty())
      text += "\nThe compute in it, by phase\n" + shares_table(job.phases, job.iteration, "compute").text();
    text += "\nWhat else moved\n";
    const bool still = job.metrics.empty() && job.vanished.empty() && job.appeared.empty();
    text += still ? "  nothing\n" : job.metrics.empty() ? "" : metrics_table(job.metrics).text();
    text += only_text("only before", job.vanished) + only_text("only after", job.appeared);
  }
  for (const std::string& note : comparison.notes) text += note + "\n";
  return text;
}

}  // namespace orrery
