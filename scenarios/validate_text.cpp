#include <algorithm>
#include <cmath>
#include <map>

#include "scenarios/measured_rules.hpp"
#include "scenarios/validate.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

std::string percent(const std::optional<double>& fraction, bool sign = false) {
  if (!fraction) return "-";
  return sign ? fmt::format("{:+.1f}", 100 * *fraction) : fmt::format("{:.1f}", 100 * *fraction);
}

std::string line_of(const std::string& name, const SourceStatistics& s) {
  const ErrorStatistics& e = s.statistics;
  const auto pair = [](const ErrorStatistics& b) {
    return b.median_abs_error ? fmt::format("{:.0f}/{:.0f}", 100 * *b.median_abs_error, 100 * *b.p90_abs_error)
                              : std::string("-");
  };
  return fmt::format("{:<42} {:>5} {:>5} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6} {:>6} {:>9} {:>9}\n", name, e.runs,
                     e.simulated, percent(e.median_abs_error), percent(e.mean_abs_error), percent(e.p90_abs_error),
                     percent(e.worst_abs_error), percent(e.bias, true),
                     e.rank_correlation ? fmt::format("{:.2f}", *e.rank_correlation) : "-", percent(e.share_in_band),
                     pair(s.constant_mfu), pair(s.roofline));
}

std::string table(const Validation& v) {
  std::string text =
      "Errors in per cent of the measured value; guess MFU and roofline: median/p90 of models fitted on the same "
      "rows.\n\n";
  text += fmt::format("{:<42} {:>5} {:>5} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6} {:>6} {:>9} {:>9}\n", "source", "rows",
                      "sim.", "median", "mean", "p90", "worst", "bias", "rank", "band", "guess MFU", "roofline");
  for (const SourceStatistics& s : v.by_source) text += line_of(s.source, s);
  if (v.by_kind.size() > 1)
    for (const SourceStatistics& s : v.by_kind) text += line_of("all " + s.source + " rows", s);
  text += line_of("all counted rows", v.overall);
  text += fmt::format("\nmedian of the source medians: {} %; geometric mean error: {} %\n",
                      percent(v.median_of_source_medians), percent(v.overall.statistics.geomean_error));
  return text;
}

std::string classes(const Validation& v) {
  if (v.by_class.empty()) return "";
  std::string text = "\nKernels by class:\n";
  for (const ClassStatistics& c : v.by_class) {
    const std::string source = c.of.source.empty() ? "all" : c.of.source;
    text += line_of(source + ", " + c.kernel_class, c.of);
  }
  return text;
}

std::string_view unit_of(const ValidatedRow& r) {
  if (r.row.kind == "power") return "W";
  if (r.row.kind != "reliability") return "s";
  return r.prediction.metric.ends_with("_h") ? "h" : "";
}

// A limit that binds is the row's own figure, so the rows where it does not are a source's true test.
std::string power_limits(const Validation& v) {
  std::string text;
  for (const SourceStatistics& s : v.by_source) {
    if (s.power_limit.simulated == 0) continue;
    text += fmt::format(
        "  {}: had every board drawn its limit, median/p90 {}/{} %; {} of {} rows are predicted more than 5 % below "
        "their limit: {}/{} %\n",
        s.source, percent(s.power_limit.median_abs_error), percent(s.power_limit.p90_abs_error),
        s.below_limit.simulated, s.power_limit.simulated, percent(s.below_limit.median_abs_error),
        percent(s.below_limit.p90_abs_error));
  }
  return text.empty() ? "" : "\nRows with a power limit:\n" + text;
}

std::string row_line(const ValidatedRow& r) {
  const Prediction& p = r.prediction;
  const auto figure = [](const std::optional<double>& x) { return x ? fmt::format("{:.4g}", *x) : std::string("-"); };
  return fmt::format("  {:<64} {:>11} {unit} predicted {:>11} {unit} measured {:>8} %{}\n", r.row.id,
                     figure(p.predicted), figure(p.measured), percent(r.error(), true),
                     r.counts ? "" : "  (grade " + r.row.grade + ", not counted)", fmt::arg("unit", unit_of(r)));
}

std::string all_rows(const Validation& v) {
  std::string text = "\nRows:\n";
  for (const ValidatedRow& r : v.rows)
    text += r.prediction.skipped.empty() ? row_line(r)
                                         : fmt::format("  {:<64} not simulated: {}\n", r.row.id, r.prediction.skipped);
  return text;
}

std::string worst_rows(const Validation& v) {
  std::vector<const ValidatedRow*> rows;
  for (const ValidatedRow& r : v.rows)
    if (r.counts && r.error()) rows.push_back(&r);
  const auto size = [](const ValidatedRow* r) { return std::abs(std::log1p(*r->error())); };
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const ValidatedRow* a, const ValidatedRow* b) { return size(a) > size(b); });
  if (rows.empty()) return "";
  rows.resize(std::min<std::size_t>(rows.size(), 10));
  std::string text = "\nWorst rows (by ratio):\n";
  for (const ValidatedRow* r : rows) text += row_line(*r);
  return text;
}

std::string assumptions(const Validation& v) {
  std::map<std::string, RuleCount, std::less<>> used;
  for (const ValidatedRow& r : v.rows)
    if (r.prediction.predicted) count_rules(r.prediction.assumed, used);
  std::string text;
  for (const RuleText& rule : rule_texts()) {
    const auto it = used.find(rule.name);
    if (it == used.end()) continue;
    text += fmt::format("  {:<24} {:>5} rows  {} [{}]\n", rule.name, it->second.rows, rule.text, rule.evidence);
    for (const auto& [what, rows] : it->second.what) text += fmt::format("  {:<24} {:>5} rows    {}\n", "", rows, what);
  }
  return text.empty() ? "" : "\nAssumed where a source does not say:\n" + text;
}

std::string skipped(const Validation& v) {
  int unfit = 0, uncounted = 0;
  for (const ValidatedRow& r : v.rows) {
    if (r.prediction.predicted && !r.prediction.fits) ++unfit;
    if (r.prediction.predicted && !r.counts) ++uncounted;
  }
  const auto reasons = skip_reasons(v);
  std::string text;
  if (!reasons.empty()) text += "\nNot simulated:\n";
  for (const auto& [reason, count] : reasons) text += fmt::format("  {:>5} rows  {}\n", count, reason);
  if (uncounted > 0)
    text += fmt::format("\n{} simulated rows are graded B or C: listed (--rows, --json, --csv), not counted above.\n",
                        uncounted);
  if (unfit > 0) text += fmt::format("{} rows are predicted not to fit in memory, although they ran.\n", unfit);
  return text;
}

}  // namespace

std::string validation_text(const Validation& v, bool every_row) {
  constexpr std::size_t few = 40;  // a screen of them
  const std::string rows = every_row || v.rows.size() <= few ? all_rows(v) : worst_rows(v);
  return table(v) + power_limits(v) + classes(v) + rows + assumptions(v) + skipped(v);
}

}  // namespace orrery
