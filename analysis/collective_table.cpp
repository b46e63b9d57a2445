#include "analysis/collective_table.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analysis/text_style.hpp"

namespace orrery {

namespace {

std::string_view kind_name(CollectiveKind kind) { return collective_names[static_cast<std::size_t>(kind)]; }

// Where nccl-tests prints the reduction: sendrecv_perf too, though it makes none.
bool names_reduction(CollectiveKind kind) {
  return kind == CollectiveKind::all_reduce || kind == CollectiveKind::reduce_scatter ||
         kind == CollectiveKind::reduce || kind == CollectiveKind::send_receive;
}

bool has_root(CollectiveKind kind) {
  return kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce || kind == CollectiveKind::gather ||
         kind == CollectiveKind::scatter;
}

// Every rank sends or receives one part per rank.
bool in_parts(CollectiveKind kind) {
  return kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter ||
         kind == CollectiveKind::all_to_all || kind == CollectiveKind::gather || kind == CollectiveKind::scatter;
}

struct Rates {
  double algorithm = 0, bus = 0;  // GB/s
};

Rates rates(const CollectiveTable& table, double bytes, double time_s) {
  const double algorithm = time_s > 0 ? bytes / time_s / 1e9 : 0;
  return {algorithm, algorithm * bus_factor(table.kind, static_cast<double>(table.devices))};
}

// Four significant digits in eight columns, as nccl-tests prints microseconds and GB/s.
std::string figure(double value) {
  if (value < 100) return fmt::format("{:8.2f}", value);
  return value < 1000 ? fmt::format("{:8.1f}", value) : fmt::format("{:8.0f}", value);
}

std::string figures(const CollectiveTable& table, double bytes, const std::optional<double>& time_s) {
  if (!time_s) return fmt::format("{:>8}{:>8}{:>8}", "-", "-", "-");
  const Rates r = rates(table, bytes, *time_s);
  return figure(*time_s * 1e6) + fmt::format("{:8.2f}{:8.2f}", r.algorithm, r.bus);
}

std::optional<double> error(const CollectiveRow& row) {
  const auto measured = row.out_of_place_s ? row.out_of_place_s : row.in_place_s;
  if (!measured) return std::nullopt;
  return row.time_s / *measured - 1;
}

bool has_runners_up(const CollectiveTable& table) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [](const CollectiveRow& row) { return row.runner_up.has_value(); });
}

// What was taken, and by how much what came second is slower: why it was taken.
std::string choice_text(const CollectiveRow& row) {
  const std::string taken = fmt::format("{}/{}", row.algorithm, row.protocol);
  if (!row.runner_up) return taken;
  const double slower = row.runner_up->slower;
  return fmt::format("{:<18}  {} {:+.{}f}%", taken, row.runner_up->name, slower * 100, slower < 0.0995 ? 1 : 0);
}

std::string heading(const CollectiveTable& table) {
  const std::string first = fmt::format("#{:>13}{:>13}{:>9}{:>8}{:>6}", "size", "count", "type", "redop", "root");
  const std::string second = fmt::format("#{:>13}{:>13}{:>9}{:>8}{:>6}", "(B)", "(elements)", "", "", "");
  const std::string rate = fmt::format("{:>8}{:>8}{:>8}", "time", "algbw", "busbw");
  const std::string unit = fmt::format("{:>8}{:>8}{:>8}", "(us)", "(GB/s)", "(GB/s)");
  const std::string choice = has_runners_up(table) ? fmt::format("  {:<18}  next best\n", "algorithm")
                                                   : "  algorithm\n";
  if (!table.measured()) return first + rate + choice + second + unit + "\n";
  return fmt::format("#{:>49}{:>24}  {:>24}  {:>24}\n", "", "measured out-of-place", "measured in-place", "predicted") +
         first + rate + "  " + rate + "  " + rate + "   error" + choice + second + unit + "  " + unit + "  " + unit +
         "\n";
}

std::string line(const CollectiveTable& table, const CollectiveRow& row) {
  std::string text = fmt::format(" {:>13.0f}{:>13.0f}{:>9}{:>8}{:>6}", row.bytes, element_count(table, row.bytes),
                                 table.type, names_reduction(table.kind) ? "sum" : "none",
                                 has_root(table.kind) ? 0 : -1);
  const std::string predicted = figures(table, row.bytes, row.time_s);
  if (table.measured()) {
    const auto off = error(row);
    text += figures(table, row.bytes, row.out_of_place_s) + "  " + figures(table, row.bytes, row.in_place_s) + "  " +
            predicted + (off ? fmt::format("{:>+7.0f}%", *off * 100) : fmt::format("{:>8}", "-"));
  } else {
    text += predicted;
  }
  return fmt::format("{}  {}\n", text, choice_text(row));
}

double average_bus_bandwidth(const CollectiveTable& table) {
  double sum = 0;
  for (const CollectiveRow& row : table.rows) sum += rates(table, row.bytes, row.time_s).bus;
  return table.rows.empty() ? 0 : sum / static_cast<double>(table.rows.size());
}

std::string error_line(const char* column, const ErrorStatistics& s) {
  const auto percent = [](const std::optional<double>& value) { return value ? percent_text(*value) : "-"; };
  return fmt::format("# Errors against {}: geometric mean {}, median {}, worst {}, bias {} ({} sizes)\n", column,
                     percent(s.geomean_error), percent(s.median_abs_error), percent(s.worst_abs_error), percent(s.bias),
                     s.simulated);
}

Json maybe_number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

bool CollectiveTable::measured() const {
  return std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.out_of_place_s || row.in_place_s; });
}

double bus_factor(CollectiveKind kind, double n) {
  if (kind == CollectiveKind::all_reduce) return 2 * (n - 1) / n;
  return in_parts(kind) ? (n - 1) / n : 1;
}

double element_count(const CollectiveTable& table, double bytes) {
  const double ranks = in_parts(table.kind) ? static_cast<double>(table.devices) : 1;
  return std::floor(bytes / (table.element_bytes * ranks));
}

ErrorStatistics collective_errors(const CollectiveTable& table, MeasuredColumn column) {
  std::vector<PredictionRow> rows;
  for (const CollectiveRow& row : table.rows)
    if (const auto measured = column == MeasuredColumn::in_place ? row.in_place_s : row.out_of_place_s)
      rows.push_back({row.time_s, *measured, {}, {}});
  return error_statistics(rows);
}

std::string collective_text(const CollectiveTable& table) {
  std::string text = fmt::format("# {} over {} devices on {}: {}\n", kind_name(table.kind), table.devices,
                                 table.nodes == 1 ? "one node" : fmt::format("{} nodes", table.nodes), table.machine);
  text += "#\n" + heading(table);
  for (const CollectiveRow& row : table.rows) text += line(table, row);
  text += fmt::format("# Avg bus bandwidth    : {:.6g}{}\n#\n", average_bus_bandwidth(table),
                      table.measured() ? " (predicted)" : "");
  if (table.measured()) {
    const ErrorStatistics out = collective_errors(table, MeasuredColumn::out_of_place);
    const ErrorStatistics in = collective_errors(table, MeasuredColumn::in_place);
    if (out.runs > 0) text += error_line("out-of-place", out);
    if (in.runs > 0) text += error_line("in-place", in);
  }
  for (const std::string& note : table.notes) {
    std::string lines = wrapped("# ", note);
    for (std::size_t at = lines.find("\n "); at != std::string::npos; at = lines.find("\n ", at + 1))
      lines[at + 1] = '#';
    text += lines;
  }
  return text;
}

std::string collective_csv(const CollectiveTable& table) {
  std::string text =
      "collective,devices,nodes,size_bytes,count,type,time_s,algbw_GBs,busbw_GBs,algorithm,protocol,"
      "measured_out_of_place_s,measured_in_place_s,error\n";
  const auto cell = [](const std::optional<double>& value) {
    return value ? fmt::format("{}", *value) : std::string();
  };
  for (const CollectiveRow& row : table.rows) {
    const Rates r = rates(table, row.bytes, row.time_s);
    text += fmt::format("{},{},{},{:.0f},{:.0f},{},{},{},{},{},{},{},{},{}\n", kind_name(table.kind), table.devices,
                        table.nodes, row.bytes, element_count(table, row.bytes), table.type, row.time_s, r.algorithm,
                        r.bus, row.algorithm, row.protocol, cell(row.out_of_place_s), cell(row.in_place_s),
                        cell(error(row)));
  }
  return text;
}

Json collective_json(const CollectiveTable& table) {
  Json json = {{"collective", kind_name(table.kind)},
               {"machine", table.machine},
               {"devices", table.devices},
               {"nodes", table.nodes},
               {"type", table.type},
               {"rows", Json::array()}};
  for (const CollectiveRow& row : table.rows) {
    const Rates r = rates(table, row.bytes, row.time_s);
    Json item = {{"size_bytes", row.bytes},  {"count", element_count(table, row.bytes)},
                 {"time_s", row.time_s},     {"algbw_GBs", r.algorithm},
                 {"busbw_GBs", r.bus},       {"algorithm", row.algorithm},
                 {"protocol", row.protocol}, {"why", row.why}};
    if (row.runner_up) item["next_best"] = {{"choice", row.runner_up->name}, {"slower", row.runner_up->slower}};
    if (table.measured()) {
      item["measured_out_of_place_s"] = maybe_number(row.out_of_place_s);
      item["measured_in_place_s"] = maybe_number(row.in_place_s);
      item["error"] = maybe_number(error(row));
    }
    json["rows"].push_back(std::move(item));
  }
  json["average_busbw_GBs"] = average_bus_bandwidth(table);
  if (table.measured()) {
    json["errors_out_of_place"] = error_statistics_json(collective_errors(table, MeasuredColumn::out_of_place));
    json["errors_in_place"] = error_statistics_json(collective_errors(table, MeasuredColumn::in_place));
  }
  json["notes"] = table.notes;
  return json;
}

Plot collective_plot(const CollectiveTable& table) {
  Plot plot;
  plot.title = fmt::format("{} over {} devices", kind_name(table.kind), table.devices);
  plot.subtitle = table.machine;
  plot.x = {"size (B)", AxisScale::logarithmic, false};
  plot.y = {"bus bandwidth (GB/s)", AxisScale::logarithmic, false};
  PlotSeries predicted{"predicted", {}, true, true, false};
  PlotSeries out{"measured out-of-place", {}, true, true, false}, in{"measured in-place", {}, true, true, false};
  for (const CollectiveRow& row : table.rows) {
    const auto point = [&](double time_s, std::string title) {
      return PlotPoint{row.bytes, rates(table, row.bytes, time_s).bus, {}, {}, std::move(title)};
    };
    predicted.points.push_back(point(row.time_s, row.algorithm + "/" + row.protocol));
    if (row.out_of_place_s) out.points.push_back(point(*row.out_of_place_s, ""));
    if (row.in_place_s) in.points.push_back(point(*row.in_place_s, ""));
  }
  for (PlotSeries* series : {&predicted, &out, &in})
    if (!series->points.empty()) plot.series.push_back(std::move(*series));
  return plot;
}

}  // namespace orrery
