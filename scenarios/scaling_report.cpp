#include "scenarios/scaling_report.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "analysis/text_style.hpp"
#include "scenarios/csv.hpp"
#include "scenarios/text_table.hpp"
#include "scenarios/version.hpp"

namespace orrery {
namespace {

std::string share(double part, const JobMetrics& job) { return part > 0 ? percent_text(part / job.iteration_s) : "-"; }

constexpr double least_named = 0.002;  // growths below 0.2 % are not worth a name

std::string limit_text(const ScalingPoint& point) {
  if (point.growths.empty() || point.growths.front().share < least_named) return "-";
  return fmt::format("{} (+{})", point.growths.front().name, percent_text(point.growths.front().share));
}

const ScalingPoint* baseline_of(const ScalingStudy& study) {
  for (const ScalingPoint& point : study.points)
    if (point.devices == study.baseline && point.simulated) return &point;
  return nullptr;
}

bool has_tokens(const ScalingStudy& study) {
  const ScalingPoint* base = baseline_of(study);
  return base && base->metrics.tokens_per_s > 0;
}

double rate(const ScalingPoint& point, bool tokens) {
  return tokens ? point.metrics.tokens_per_s : point.metrics.samples_per_s;
}

constexpr double least_listed = 0.005;  // of the iteration

// "all_reduce (tensor-parallel) 10.8 %, send_recv (send-forward) 1.4 %": the largest first.
std::string collectives_text(const ScalingPoint& point) {
  const auto& exposed = point.metrics.mean.exposed_by_collective_s;
  std::vector<std::pair<std::string, double>> order(exposed.begin(), exposed.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [collective, time] : order)
    if (time >= least_listed * point.metrics.iteration_s)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", collective, share(time, point.metrics));
  return text;
}

std::vector<std::string> row_of(const ScalingPoint& point, bool tokens) {
  const JobMetrics& m = point.metrics;
  std::vector<std::string> row = {fmt::format("{}", point.devices)};
  if (!point.simulated) {
    row.resize(10);
    row.push_back("not possible: " + point.reason);
    return row;
  }
  row.push_back(fmt::format("{:.0f}", point.sequences));
  row.push_back(human(Seconds(m.iteration_s)));
  row.push_back(count_text(rate(point, tokens)));
  row.push_back(m.mfu ? percent_text(*m.mfu) : "-");
  row.push_back(point.efficiency ? percent_text(*point.efficiency) : "-");
  row.push_back(share(m.compute_s, m));
  row.push_back(share(m.exposed_communication_s, m));
  row.push_back(share(m.bubble_s, m));
  row.push_back(share(m.other_s, m));
  const std::string limit = limit_text(point);
  row.push_back(point.feasible ? limit : limit == "-" ? point.reason : point.reason + "; " + limit);
  return row;
}

std::vector<std::string> exposed_names(const ScalingStudy& study) {
  std::vector<std::string> names;
  for (const ScalingPoint& point : study.points)
    for (const auto& [name, time] : point.metrics.mean.exposed_by_collective_s)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

std::string line_of(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) line += (line.empty() ? "" : ",") + csv_cell(cell);
  return line + "\n";
}

PlotSeries series_of(const ScalingStudy& study, const char* name, double (*y)(const ScalingPoint&, bool), bool tokens) {
  PlotSeries series;
  series.name = name;
  series.line = true;
  for (const ScalingPoint& point : study.points)
    if (point.simulated)
      series.points.push_back(
          {static_cast<double>(point.devices),
           y(point, tokens),
           {},
           {},
           fmt::format("{} devices: {}, {}", point.devices, human(Seconds(point.metrics.iteration_s)),
                       point.efficiency ? percent_text(*point.efficiency) : "")});
  return series;
}

std::string subtitle_of(const ScalingStudy& study) {
  return fmt::format("{} scaling{}; baseline {} devices", name(study.mode),
                     study.mode == ScalingMode::strong ? ", fixed global batch" : ", batch grows with the devices",
                     study.baseline);
}

}  // namespace

std::string scaling_table(const ScalingStudy& study) {
  const bool tokens = has_tokens(study);
  TextTable table;
  table.columns = {{"devices", Align::right},
                   {"batch", Align::right},
                   {"iteration", Align::right},
                   {tokens ? "tokens/s" : "samples/s", Align::right},
                   {"MFU", Align::right},
                   {"efficiency", Align::right},
                   {"compute", Align::right},
                   {"exposed", Align::right},
                   {"bubble", Align::right},
                   {"other", Align::right},
                   {"limited by (growth against the baseline)", Align::left}};
  for (const ScalingPoint& point : study.points) table.rows.push_back(row_of(point, tokens));
  std::string text = fmt::format("{}: {}\n\n", study.name, subtitle_of(study)) + table.text();
  std::string exposed, changed;
  for (const ScalingPoint& point : study.points) {
    if (point.simulated && !collectives_text(point).empty())
      exposed += wrapped(fmt::format("  {:>7}  ", point.devices), collectives_text(point));
    for (const std::string& change : point.changes) changed += fmt::format("  {:>7}  {}\n", point.devices, change);
  }
  if (!exposed.empty()) text += "\nExposed communication, share of the iteration\n" + exposed;
  if (!changed.empty()) text += "\nAdapted to the size\n" + changed;
  return text;
}

std::string scaling_csv(const ScalingStudy& study) {
  const std::vector<std::string> collectives = exposed_names(study);
  std::vector<std::string> head = {"devices",
                                   "nodes",
                                   "simulated",
                                   "feasible",
                                   "global_batch",
                                   "iteration_s",
                                   "tokens_per_s",
                                   "samples_per_s",
                                   "mfu",
                                   "scaling_efficiency",
                                   "compute_s",
                                   "exposed_communication_s",
                                   "bubble_s",
                                   "other_s",
                                   "memory_peak_bytes",
                                   "energy_J",
                                   "limit",
                                   "limit_growth",
                                   "reason"};
  for (const std::string& name : collectives) head.push_back("exposed " + name + "_s");
  std::string text = line_of(head);
  for (const ScalingPoint& p : study.points) {
    const JobMetrics& m = p.metrics;
    std::vector<std::string> row = {fmt::format("{}", p.devices), fmt::format("{}", p.nodes),
                                    p.simulated ? "true" : "false", p.feasible ? "true" : "false"};
    const auto put = [&](double value) { row.push_back(p.simulated ? fmt::format("{}", value) : ""); };
    const auto put_known = [&](const std::optional<double>& value) {
      row.push_back(p.simulated && value ? fmt::format("{}", *value) : "");
    };
    for (const double value : {p.sequences, m.iteration_s, m.tokens_per_s, m.samples_per_s}) put(value);
    put_known(m.mfu);
    put_known(p.efficiency);
    for (const double value :
         {m.compute_s, m.exposed_communication_s, m.bubble_s, m.other_s, m.memory_peak_bytes, m.energy_J})
      put(value);
    const bool limited = !p.growths.empty() && p.growths.front().share >= least_named;
    row.push_back(limited ? p.growths.front().name : "");
    row.push_back(limited ? fmt::format("{}", p.growths.front().share) : "");
    row.push_back(p.reason);
    for (const std::string& name : collectives) {
      const auto at = m.mean.exposed_by_collective_s.find(name);
      put(at == m.mean.exposed_by_collective_s.end() ? 0 : at->second);
    }
    text += line_of(row);
  }
  return text;
}

Json scaling_json(const ScalingStudy& study) {
  Json json;
  json["orrery"] = version();
  json["scaling"] = std::string(name(study.mode));
  json["name"] = study.name;
  json["baseline_devices"] = study.baseline > 0 ? Json(study.baseline) : Json(nullptr);
  json["points"] = Json::array();
  for (const ScalingPoint& p : study.points) {
    Json point;
    point["devices"] = p.devices;
    point["nodes"] = p.nodes;
    point["simulated"] = p.simulated;
    point["feasible"] = p.feasible;
    point["reason"] = p.reason.empty() ? Json(nullptr) : Json(p.reason);
    point["global_batch"] = p.sequences > 0 ? Json(p.sequences) : Json(nullptr);
    point["scaling_efficiency"] = p.efficiency ? Json(*p.efficiency) : Json(nullptr);
    const bool limited = !p.growths.empty() && p.growths.front().share >= least_named;
    point["limit"] = limited ? Json(p.growths.front().name) : Json(nullptr);
    point["growths"] = Json::array();
    for (const Growth& growth : p.growths) point["growths"].push_back({{"name", growth.name}, {"share", growth.share}});
    point["changes"] = p.changes;
    point["warnings"] = p.warnings;
    point["metrics"] = p.simulated ? p.result : Json(nullptr);
    json["points"].push_back(std::move(point));
  }
  return json;
}

// The sizes themselves where they are doubled (or sparser); many close ones would run into each other.
PlotAxis devices_axis(const ScalingStudy& study) {
  PlotAxis axis = {"devices", AxisScale::logarithmic, false};
  double last = 0;
  bool doubled = true;
  for (const ScalingPoint& point : study.points) {
    if (!point.simulated) continue;
    const auto devices = static_cast<double>(point.devices);
    doubled = doubled && devices >= 1.9 * last;
    last = devices;
    axis.ticks.push_back(devices);
  }
  if (!doubled) axis.ticks.clear();
  return axis;
}

Plot throughput_plot(const ScalingStudy& study) {
  const bool tokens = has_tokens(study);
  Plot plot;
  plot.title = study.name;
  plot.subtitle = subtitle_of(study);
  plot.x = devices_axis(study);
  plot.y = {tokens ? "throughput (tokens/s)" : "throughput (samples/s)", AxisScale::logarithmic, false};
  PlotSeries ideal;
  ideal.name = "ideal";
  ideal.markers = false;
  ideal.line = ideal.reference = true;
  if (const ScalingPoint* base = baseline_of(study))
    for (const ScalingPoint& point : study.points)
      if (point.simulated)
        ideal.points.push_back(
            {static_cast<double>(point.devices),
             rate(*base, tokens) * static_cast<double>(point.devices) / static_cast<double>(base->devices),
             {},
             {},
             ""});
  plot.series = {series_of(study, "predicted", rate, tokens), ideal};
  return plot;
}

Plot efficiency_plot(const ScalingStudy& study) {
  Plot plot;
  plot.x = devices_axis(study);
  plot.y = {"scaling efficiency (%)", AxisScale::linear, true};
  plot.series = {series_of(
      study, "predicted", [](const ScalingPoint& p, bool) { return 100 * p.efficiency.value_or(0); }, false)};
  PlotSeries ideal;
  ideal.name = "ideal";
  ideal.markers = false;
  ideal.line = ideal.reference = true;
  for (const PlotPoint& point : plot.series.front().points) ideal.points.push_back({point.x, 100, {}, {}, ""});
  plot.series.push_back(ideal);
  plot.height = 380;
  return plot;
}

std::string scaling_svg(const ScalingStudy& study) {
  const Plot upper = throughput_plot(study), lower = efficiency_plot(study);
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:g} {1:g}\" width=\"{0:g}\" height=\"{1:g}\">\n"
      "<!-- written by orrery -->\n{2}"
      "<g transform=\"translate(0 {3:g})\">\n{4}</g>\n</svg>\n",
      upper.width, upper.height + lower.height, svg_plot(upper), upper.height, svg_plot(lower));
}

}  // namespace orrery
