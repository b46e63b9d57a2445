#include <algorithm>
#include <cmath>
#include <map>

#include "scenarios/csv.hpp"
#include "scenarios/measured_rules.hpp"
#include "scenarios/validate.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

std::string percent(const std::optional<double>& fraction, bool sign = false) {
  if (!fraction) return "";
  return sign ? fmt::format("{:+.1f}", 100 * *fraction) : fmt::format("{:.1f}", 100 * *fraction);
}

std::string pair_of(const ErrorStatistics& s) {
  if (!s.median_abs_error) return "";
  return fmt::format("{:.0f} / {:.0f}", 100 * *s.median_abs_error, 100 * *s.p90_abs_error);
}

std::string line_of(const std::string& name, const SourceStatistics& s) {
  const ErrorStatistics& e = s.statistics;
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", name, e.runs, e.simulated,
                     percent(e.median_abs_error), percent(e.mean_abs_error), percent(e.p90_abs_error),
                     percent(e.worst_abs_error), percent(e.bias, true),
                     e.rank_correlation ? fmt::format("{:.2f}", *e.rank_correlation) : "", percent(e.share_in_band),
                     pair_of(s.constant_mfu), pair_of(s.roofline));
}

struct KindTitle {
  std::string_view kind, title;
};
constexpr KindTitle kinds[] = {{"training", "Training steps"},
                               {"kernel", "Kernels"},
                               {"collective", "Collectives"},
                               {"power", "Average power"},
                               {"reliability", "Reliability"}};

// One kind's rows, with their own sums.
Validation of_kind(const Validation& v, std::string_view kind) {
  Validation part;
  for (const ValidatedRow& r : v.rows)
    if (r.row.kind == kind) part.rows.push_back(r);
  sum_up(part);
  return part;
}

// Each class of each file, then of all files.
std::string class_table(const Validation& part) {
  if (part.by_class.empty()) return "";
  std::string text =
      "\n| class of kernel | source | rows | simulated | median | mean | p90 | worst | roofline |\n"
      "|---|---|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const ClassStatistics& c : part.by_class) {
    const ErrorStatistics& e = c.of.statistics;
    const bool all = c.of.source.empty();
    const auto bold = [all](const std::string& cell) { return all ? "**" + cell + "**" : cell; };
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", bold(c.kernel_class),
                        all ? "**all**" : c.of.source.substr(c.of.source.find('/') + 1), e.runs, e.simulated,
                        percent(e.median_abs_error), percent(e.mean_abs_error), percent(e.p90_abs_error),
                        percent(e.worst_abs_error), pair_of(c.of.roofline));
  }
  return text;
}

// A limit that binds is the row's own figure: what guessing it gives, and the rows where it does not bind.
std::string limit_table(const Validation& part) {
  std::string text;
  for (const SourceStatistics& s : part.by_source)
    if (s.power_limit.simulated > 0)
      text += fmt::format("| {} | {} | {} | {} | {} |\n", s.source.substr(s.source.find('/') + 1),
                          s.power_limit.simulated, pair_of(s.power_limit), s.below_limit.simulated,
                          pair_of(s.below_limit));
  return text.empty() ? ""
                      : "\n| source | rows with a power limit | had all drawn it | predicted more than 5 % below it | "
                        "error of these |\n"
                        "|---|--:|--:|--:|--:|\n" +
                            text;
}

std::string table_of(const Validation& part, std::string_view title) {
  std::string text = fmt::format("## {}\n\n", title);
  text +=
      "| source | rows | simulated | median | mean | p90 | worst | bias | rank | in band | constant MFU | roofline |\n"
      "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const SourceStatistics& s : part.by_source) text += line_of(s.source.substr(s.source.find('/') + 1), s);
  text += line_of("**all counted rows**", part.overall);
  if (part.overall.statistics.simulated == 0) return text;
  text += fmt::format("\nMedian of the sources' medians {} %, geometric mean error {} %",
                      percent(part.median_of_source_medians), percent(part.overall.statistics.geomean_error));
  if (const auto& width = part.overall.statistics.median_band_width)
    text += fmt::format(", median width of the bands {} %", percent(width));
  text += ".\n";
  return text + limit_table(part) + class_table(part);
}

std::string assumptions(const Validation& v) {
  std::map<std::string, RuleCount, std::less<>> rows;
  for (const ValidatedRow& r : v.rows)
    if (r.prediction.predicted) count_rules(r.prediction.assumed, rows);
  std::string text =
      "## What is assumed where a source is silent\n\n| rule | rows | assumed | why |\n|---|--:|---|---|\n";
  for (const RuleText& rule : rule_texts())
    if (const auto it = rows.find(rule.name); it != rows.end())
      text += fmt::format("| {} | {} | {} | {} |\n", rule.name, it->second.rows, rule.text, rule.evidence);
  return rows.empty() ? "" : text;
}

// Reasons repeat words of rows, which may hold the sign between cells.
std::string cell_of(const std::string& text) {
  std::string cell;
  for (const char c : text) cell += c == '|' ? "\\|" : std::string(1, c);
  return cell;
}

std::string not_simulated(const Validation& v) {
  int unfit = 0, uncounted = 0;
  for (const ValidatedRow& r : v.rows) {
    if (r.prediction.predicted && !r.prediction.fits) ++unfit;
    if (r.prediction.predicted && !r.counts) ++uncounted;
  }
  std::string text = "## What is not simulated\n\n| rows | kind | reason |\n|--:|---|---|\n";
  std::vector<std::pair<std::pair<std::string, std::string>, int>> sorted;  // kind, reason
  for (const KindTitle& k : kinds)
    for (const auto& [reason, count] : skip_reasons(of_kind(v, k.kind)))
      sorted.push_back({{std::string(k.kind), reason}, count});
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [what, count] : sorted)
    text += fmt::format("| {} | {} | {} |\n", count, what.first, cell_of(what.second));
  return (sorted.empty() ? "" : text) +
         fmt::format(
             "\n{} simulated rows are graded B or C and not counted above; {} are predicted not to fit in memory, "
             "although they ran.\n",
             uncounted, unfit);
}

}  // namespace

std::string validation_markdown(const Validation& v) {
  std::string text;
  for (const KindTitle& k : kinds) {
    const Validation part = of_kind(v, k.kind);
    if (!part.rows.empty()) text += table_of(part, k.title) + "\n";
  }
  const std::string assumed = assumptions(v);
  return text + assumed + (assumed.empty() ? "" : "\n") + not_simulated(v);
}

std::string validation_sources_csv(const Validation& v) {
  const auto number = [](const std::optional<double>& value) { return value ? fmt::format("{:.6f}", *value) : ""; };
  std::string text = "source,rows,simulated,median,p90\n";
  for (const SourceStatistics& s : v.by_source)
    text += fmt::format("{},{},{},{},{}\n", csv_cell(s.source), s.statistics.runs, s.statistics.simulated,
                        number(s.statistics.median_abs_error), number(s.statistics.p90_abs_error));
  return text;
}

}  // namespace orrery
