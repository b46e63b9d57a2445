#include "scenarios/validate.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "analysis/svg_plot.hpp"
#include "scenarios/csv.hpp"
#include "scenarios/error_bands.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/workers.hpp"
#include "sim/error.hpp"

namespace orrery {

std::optional<double> ValidatedRow::error() const {
  if (!prediction.predicted || !prediction.measured) return std::nullopt;
  return *prediction.predicted / *prediction.measured - 1;
}

namespace {

bool judged(const ValidatedRow& r) { return r.counts && r.prediction.predicted && r.prediction.measured; }

using Pick = std::optional<double> (*)(const ValidatedRow&);
using Which = std::function<bool(const ValidatedRow&)>;

// Of the judged rows among `which`, with `pick` as the prediction.
ErrorStatistics statistics_of(const std::vector<ValidatedRow>& rows, const Which& which, Pick pick, bool banded) {
  std::vector<PredictionRow> judged_rows;
  std::size_t runs = 0;
  for (const ValidatedRow& r : rows) {
    if (!r.counts || !which(r)) continue;
    ++runs;
    if (!judged(r) || !pick(r)) continue;
    PredictionRow entry{pick(r), *r.prediction.measured, std::nullopt, std::nullopt};
    if (banded) {
      entry.low = r.prediction.low;
      entry.high = r.prediction.high;
    }
    judged_rows.push_back(entry);
  }
  ErrorStatistics s = error_statistics(judged_rows);
  s.runs = runs;
  return s;
}

// The limit, where it binds, is what the row states, not what the model says: a board held to it draws little less.
std::optional<double> below_limit(const ValidatedRow& r) {
  constexpr double bound = 0.95;
  const auto& limit = r.baselines.power_limit;
  return limit && *r.prediction.predicted < bound * *limit ? r.prediction.predicted : std::nullopt;
}

SourceStatistics sum_up(const std::vector<ValidatedRow>& rows, const std::string& name, const Which& which) {
  return {name,
          statistics_of(
              rows, which, [](const ValidatedRow& r) { return r.prediction.predicted; }, true),
          statistics_of(
              rows, which, [](const ValidatedRow& r) { return r.baselines.constant_mfu; }, false),
          statistics_of(
              rows, which, [](const ValidatedRow& r) { return r.baselines.roofline; }, false),
          statistics_of(
              rows, which, [](const ValidatedRow& r) { return r.baselines.power_limit; }, false),
          statistics_of(rows, which, below_limit, false)};
}

template <class Key> std::vector<std::string> keys_of(const std::vector<ValidatedRow>& rows, Key key) {
  std::vector<std::string> all;
  for (const ValidatedRow& r : rows)
    if (const std::string& found = key(r); !found.empty() && std::find(all.begin(), all.end(), found) == all.end())
      all.push_back(found);
  return all;
}

// "/runs/12" and "row 12" as "/runs/*" and "row *".
std::string without_row(const std::string& reason) {
  std::string text = reason;
  for (const std::string_view place : {"/runs/", "at row "})
    for (std::size_t at = text.find(place); at != std::string::npos; at = text.find(place, at + place.size())) {
      const std::size_t begin = at + place.size();
      const std::size_t end = std::min(text.find_first_not_of("0123456789", begin), text.size());
      if (end > begin) text.replace(begin, end - begin, "*");
    }
  return text;
}

}  // namespace

void sum_up(Validation& v) {
  std::vector<double> medians;
  const auto source_of = [](const ValidatedRow& r) -> const std::string& { return r.row.source; };
  const auto kind_of = [](const ValidatedRow& r) -> const std::string& { return r.row.kind; };
  const auto kernel_class_of = [](const ValidatedRow& r) -> const std::string& { return r.prediction.kernel_class; };
  const std::vector<std::string> sources = keys_of(v.rows, source_of), classes = keys_of(v.rows, kernel_class_of);
  for (const std::string& source : sources) {
    v.by_source.push_back(sum_up(v.rows, source, [&](const ValidatedRow& r) { return r.row.source == source; }));
    if (const auto& m = v.by_source.back().statistics.median_abs_error) medians.push_back(*m);
  }
  for (const std::string& kind : keys_of(v.rows, kind_of))
    v.by_kind.push_back(sum_up(v.rows, kind, [&](const ValidatedRow& r) { return r.row.kind == kind; }));
  const auto add_class = [&](const std::string& source, const std::string& name) {
    SourceStatistics s = sum_up(v.rows, source, [&](const ValidatedRow& r) {
      return kernel_class_of(r) == name && (source.empty() || r.row.source == source);
    });
    if (s.statistics.runs > 0) v.by_class.push_back({name, std::move(s)});
  };
  for (const std::string& source : sources)
    for (const std::string& name : classes) add_class(source, name);
  for (const std::string& name : classes) add_class("", name);
  v.overall = sum_up(v.rows, "", [](const ValidatedRow&) { return true; });
  v.median_of_source_medians = median(medians);
}

std::vector<std::pair<std::string, int>> skip_reasons(const Validation& v) {
  std::map<std::string, int> reasons;
  for (const ValidatedRow& r : v.rows)
    if (!r.prediction.skipped.empty()) ++reasons[without_row(r.prediction.skipped)];
  std::vector<std::pair<std::string, int>> sorted(reasons.begin(), reasons.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

Validation validate(std::vector<MeasuredRow> rows, Fidelity fidelity, const Library& library, int jobs,
                    const std::function<void(std::size_t)>& progress) {
  load_error_bands(
      library);  // a broken file ends the command here; within a row it would be that row's reason to be skipped
  const auto task = [&](std::size_t i) { return line_text(prediction_json(predict(rows[i], fidelity, library))); };
  const auto answers = run_in_workers(rows.size(), jobs, task, progress);
  Validation v;
  std::vector<Prediction> predictions;
  std::vector<bool> counts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Prediction p;
    if (answers[i])
      p = prediction_from_json(Json::parse(*answers[i]));
    else
      p.skipped = "failed: the process that simulated it died";
    const std::string& grade = rows[i].grade;
    counts.push_back(grade.empty() || grade == "A" || grade == "A-");
    predictions.push_back(std::move(p));
  }
  const std::vector<Baselines> baselines = fit_baselines(predictions, counts);
  for (std::size_t i = 0; i < rows.size(); ++i)
    v.rows.push_back({std::move(rows[i]), std::move(predictions[i]), baselines[i], counts[i]});
  sum_up(v);
  return v;
}

Json validation_json(const Validation& v) {
  const auto number = [](const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); };
  const auto text = [](const std::string& value) { return value.empty() ? Json(nullptr) : Json(value); };
  Json document;
  document["overall"] = error_statistics_json(v.overall.statistics);
  document["overall"]["median_of_source_medians"] = number(v.median_of_source_medians);
  const auto with_baselines = [&](Json entry, const SourceStatistics& s) {
    entry.update(error_statistics_json(s.statistics));
    entry["rank_correlation"] = number(s.statistics.rank_correlation);
    entry["baselines"] = {{"constant_mfu_median_abs_error", number(s.constant_mfu.median_abs_error)},
                          {"roofline_median_abs_error", number(s.roofline.median_abs_error)},
                          {"power_limit_median_abs_error", number(s.power_limit.median_abs_error)}};
    if (s.power_limit.simulated > 0)
      entry["below_power_limit"] = {{"simulated", s.below_limit.simulated},
                                    {"median_abs_error", number(s.below_limit.median_abs_error)},
                                    {"p90_abs_error", number(s.below_limit.p90_abs_error)}};
    return entry;
  };
  for (const char* key : {"by_source", "by_kind", "by_kernel_class"}) document[key] = Json::array();
  for (const SourceStatistics& s : v.by_source)
    document["by_source"].push_back(with_baselines({{"source", s.source}}, s));
  for (const SourceStatistics& s : v.by_kind) document["by_kind"].push_back(with_baselines({{"kind", s.source}}, s));
  for (const ClassStatistics& c : v.by_class)
    document["by_kernel_class"].push_back(
        with_baselines({{"class", c.kernel_class}, {"source", text(c.of.source)}}, c.of));
  document["runs"] = Json::array();
  for (const ValidatedRow& r : v.rows) {
    const Prediction& p = r.prediction;
    document["runs"].push_back({{"id", r.row.id},
                                {"source", r.row.source},
                                {"grade", text(r.row.grade)},
                                {"metric", p.metric},
                                {"predicted", number(p.predicted)},
                                {"measured", number(p.measured)},
                                {"error", number(r.error())},
                                {"low", number(p.low)},
                                {"high", number(p.high)},
                                {"skipped", text(p.skipped)},
                                {"assumed", text(p.assumed)},
                                {"software", text(p.software)},
                                {"fits_in_memory", p.predicted ? Json(p.fits) : Json(nullptr)}});
  }
  Json rules = Json::object();
  for (const RuleText& rule : rule_texts()) rules[std::string(rule.name)] = rule.text;
  document["assumption_rules"] = std::move(rules);
  return document;
}

namespace {

std::string number_cell(const std::optional<double>& value) { return value ? Json(*value).dump() : ""; }

}  // namespace

std::string validation_csv(const Validation& v) {
  std::string text =
      "id,source,grade,metric,predicted,measured,error,low,high,counted,fits_in_memory,software,assumed,constant_mfu_"
      "guess,roofline_guess,power_limit,skipped\n";
  for (const ValidatedRow& r : v.rows) {
    const Prediction& p = r.prediction;
    const std::vector<std::string> cells = {csv_cell(r.row.id),
                                            csv_cell(r.row.source),
                                            csv_cell(r.row.grade),
                                            csv_cell(p.metric),
                                            number_cell(p.predicted),
                                            number_cell(p.measured),
                                            number_cell(r.error()),
                                            number_cell(p.low),
                                            number_cell(p.high),
                                            r.counts ? "yes" : "no",
                                            !p.predicted ? ""
                                            : p.fits     ? "yes"
                                                         : "no",
                                            csv_cell(p.software),
                                            csv_cell(p.assumed),
                                            number_cell(r.baselines.constant_mfu),
                                            number_cell(r.baselines.roofline),
                                            number_cell(r.baselines.power_limit),
                                            csv_cell(p.skipped)};
    text += fmt::format("{}\n", fmt::join(cells, ","));
  }
  return text;
}

std::string validation_svg(const Validation& v) {
  // One pair of axes: times, or power where nothing else was judged.
  const auto is_power = [](const ValidatedRow& r) { return r.row.kind == "power"; };
  const auto is_time = [&](const ValidatedRow& r) { return !is_power(r) && r.row.kind != "reliability"; };
  const bool times = std::any_of(v.rows.begin(), v.rows.end(),
                                 [&](const ValidatedRow& r) { return judged(r) && is_time(r); });
  const bool others = std::any_of(v.rows.begin(), v.rows.end(), [&](const ValidatedRow& r) {
    return judged(r) && !(times ? is_time(r) : is_power(r));
  });
  Plot plot;
  plot.title = "Predicted against measured";
  const auto percent = [](const std::optional<double>& x) {
    return x ? fmt::format("{:.1f} %", 100 * *x) : std::string("-");
  };
  const bool bars = std::any_of(v.rows.begin(), v.rows.end(), [&](const ValidatedRow& r) {
    return judged(r) && (times ? is_time(r) : is_power(r)) && r.prediction.low;
  });
  plot.subtitle = fmt::format("{} of {} rows; median error {}, 90th percentile {}{}{}", v.overall.statistics.simulated,
                              v.overall.statistics.runs, percent(v.overall.statistics.median_abs_error),
                              percent(v.overall.statistics.p90_abs_error), bars ? "; bars: nominal 90 % band" : "",
                              !others ? ""
                              : times ? "; only times are drawn"
                                      : "; only power is drawn");
  plot.x = {times ? "measured time (s)" : "measured power (W)", AxisScale::logarithmic, false};
  plot.y = {times ? "predicted time (s)" : "predicted power (W)", AxisScale::logarithmic, false};
  plot.diagonal = true;
  plot.diagonal_band = 0.1;
  plot.height = 640;  // at least
  // One series per device: sources would be too many for colours to tell apart.
  std::vector<std::string> devices;
  for (const ValidatedRow& r : v.rows)
    if (judged(r) && (times ? is_time(r) : is_power(r))) {
      const std::string device = r.prediction.group.substr(0, r.prediction.group.find(','));
      const auto at = std::find(devices.begin(), devices.end(), device) - devices.begin();
      if (at == static_cast<std::ptrdiff_t>(devices.size())) {
        devices.push_back(device);
        plot.series.push_back({device, {}, true, false, false});
      }
      plot.series[static_cast<std::size_t>(at)].points.push_back(
          {*r.prediction.measured, *r.prediction.predicted, r.prediction.low, r.prediction.high,
           fmt::format("{}: {:+.1f} %", r.row.id, 100 * *r.error())});
    }
  return svg_plot(plot);
}

}  // namespace orrery
