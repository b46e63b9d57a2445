#include "scenarios/commands/calibrate_collectives.hpp"

#include <fmt/format.h>

#include "scenarios/cli.hpp"
#include "scenarios/text_table.hpp"
#include "sim/spec.hpp"

namespace orrery {

namespace {

constexpr double large = 256.0 * 1024 * 1024;

std::string percent(double fraction) { return fmt::format("{:.1f} %", 100 * fraction); }

std::vector<double> of_large(const std::vector<double>& logs, const std::vector<double>& bytes) {
  std::vector<double> kept;
  for (std::size_t i = 0; i < logs.size(); ++i)
    if (bytes[i] >= large) kept.push_back(logs[i]);
  return kept;
}

std::string links_text(const CollectiveCalibration& calibration) {
  TextTable table;
  table.columns = {{"link"},
                   {"samples", Align::right},
                   {"median", Align::right},
                   {"p90", Align::right},
                   {"bytes", Align::right},
                   {"launch us", Align::right},
                   {"scale", Align::right},
                   {"added us", Align::right},
                   {"efficiency", Align::right},
                   {"pipeline", Align::right},
                   {"local ps/B", Align::right},
                   {"in switch", Align::right},
                   {"tree", Align::right}};
  const auto figure = [](const std::optional<double>& value) { return value ? fmt::format("{:.3g}", *value) : "-"; };
  for (const LinkCosts& row : calibration.links) {
    const CollectiveFitRange fit = row.fit.value_or(CollectiveFitRange{});
    table.rows.push_back({row.link, row.fit ? std::to_string(fit.samples) : "-",
                          row.fit ? percent(fit.median_error) : "-", row.fit ? percent(fit.p90_error) : "-",
                          row.fit ? fmt::format("{:.3g} .. {:.3g}", fit.smallest, fit.largest) : "-",
                          figure(row.value.launch_us), figure(row.value.scale), figure(row.value.added_us),
                          figure(row.value.efficiency), figure(row.value.pipeline), figure(row.value.local_ps_per_byte),
                          figure(row.value.in_switch_efficiency), figure(row.value.tree_efficiency)});
  }
  table.remarks = {
      "",
      "median and p90: |ln(predicted / measured)| of the samples that cross the link; - : as the family or "
      "class says, or not fitted"};
  return table.text();
}

std::string study_text(const std::vector<LeftOutSource>& study) {
  TextTable table;
  table.columns = {
      {"source left out"},        {"samples", Align::right},           {"fitted", Align::right},
      {"left out", Align::right}, {"fitted >= 256 MiB", Align::right}, {"left out >= 256 MiB", Align::right}};
  LeftOutSource all;
  const auto add = [&](const std::string& name, const LeftOutSource& s) {
    const auto big = [&](const std::vector<double>& logs) {
      const auto kept = of_large(logs, s.bytes);
      return kept.empty() ? std::string("-") : percent(geomean_error(kept));
    };
    table.rows.push_back({name, std::to_string(s.bytes.size()), percent(geomean_error(s.fitted)),
                          percent(geomean_error(s.left_out)), big(s.fitted), big(s.left_out)});
  };
  for (const LeftOutSource& source : study) {
    add(source.source, source);
    all.fitted.insert(all.fitted.end(), source.fitted.begin(), source.fitted.end());
    all.left_out.insert(all.left_out.end(), source.left_out.begin(), source.left_out.end());
    all.bytes.insert(all.bytes.end(), source.bytes.begin(), source.bytes.end());
  }
  add("all", all);
  table.remarks = {"",
                   "exp(mean |ln(predicted / measured)|) - 1, of the fit to all sources and of a fit that has not seen "
                   "the source"};
  return table.text();
}

}  // namespace

CollectiveCalibrationRun calibrate_collectives(std::span<const std::filesystem::path> files, bool leave_out,
                                               const Library& library) {
  CollectiveSamples read = read_collective_samples(files, library);
  const auto start = load_part<CollectiveCalibration>("kernels/calibration", "collectives", library);
  RoutedCollectives routed(read.samples);
  if (leave_out_impossible(read, collective_errors(start, routed))) routed = RoutedCollectives(read.samples);
  if (read.samples.empty()) throw UsageError("--collectives: no measured collective in the given files");
  CollectiveCalibrationRun run{fit_collectives(start, routed), read.left_out, {}};
  if (leave_out) run.study = leave_out_sources(start, routed);
  return run;
}

std::string collectives_text(const CollectiveCalibrationRun& run) {
  std::string text = links_text(run.fit.calibration);
  for (const auto& [reason, rows] : run.skipped) text += fmt::format("{} rows not used: {}\n", rows, reason);
  if (!run.study.empty()) text += "\n" + study_text(run.study);
  return text;
}

Json collectives_json(const CollectiveCalibrationRun& run) {
  Json json = {{"calibration", write_spec(run.fit.calibration)}, {"not_used", run.skipped}};
  for (const LeftOutSource& source : run.study) {
    const auto fitted = of_large(source.fitted, source.bytes), unseen = of_large(source.left_out, source.bytes);
    json["left_out"].push_back({{"source", source.source},
                                {"samples", source.bytes.size()},
                                {"geomean_error_fitted", geomean_error(source.fitted)},
                                {"geomean_error_left_out", geomean_error(source.left_out)},
                                {"large_samples", fitted.size()},
                                {"geomean_error_fitted_large", geomean_error(fitted)},
                                {"geomean_error_left_out_large", geomean_error(unseen)}});
  }
  return json;
}

}  // namespace orrery
