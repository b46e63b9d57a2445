#include "scenarios/report_page.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "analysis/html_report.hpp"
#include "analysis/markup.hpp"
#include "analysis/metrics_from_json.hpp"
#include "analysis/text_style.hpp"
#include "scenarios/comparison.hpp"
#include "scenarios/report_scenario.hpp"
#include "scenarios/scaling_report.hpp"
#include "scenarios/version.hpp"

namespace orrery {
namespace {

using Kind = HtmlColumn::Kind;

JobMetrics job_of(const Json& job) {
  return job_metrics_from_json(job.at("name").get<std::string>(), job.at("metrics"));
}

std::string text_at(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

std::string title_of(const ResultInput& input) {
  const std::string named = is_scaling(input.document) ? text_at(input.document, "name")
                                                       : text_at(input.document["scenario"], "name");
  return named.empty() ? input.name : named;
}

std::string signed_percent(double fraction) { return fmt::format("{:+.1f} %", 100 * fraction); }

std::string overview(const std::vector<ResultInput>& results) {
  HtmlTable table;
  table.columns = {{"result", Kind::text},
                   {"devices", Kind::number},
                   {"iteration", Kind::number},
                   {"tokens/s per device", Kind::number},
                   {"MFU", Kind::number},
                   {"memory", Kind::number},
                   {"share of the iteration", Kind::bar}};
  for (const ResultInput& result : results)
    for (const Json& json : result.document["jobs"]) {
      const JobMetrics job = job_of(json);
      const bool several = result.document["jobs"].size() > 1;
      table.rows.push_back({title_of(result) + (several ? ": " + job.name : ""), fmt::format("{:.0f}", job.devices),
                            job.iteration_s > 0 ? human(Seconds(job.iteration_s)) : "-",
                            job.tokens_per_s_per_device > 0 ? count_text(job.tokens_per_s_per_device) : "-",
                            job.mfu ? percent_text(*job.mfu) : "-",
                            human(Bytes(job.memory_peak_bytes)) + (job.feasible ? "" : " (does not fit)"),
                            html_bar(iteration_parts(job.mean), job.iteration_s)});
    }
  return html_section("Overview", "one row per job", iteration_legend() + html_table(table));
}

std::string scaling_rows(const ScalingStudy& study) {
  HtmlTable table;
  table.columns = {{"devices", Kind::number},
                   {"iteration", Kind::number},
                   {"tokens/s", Kind::number},
                   {"MFU", Kind::number},
                   {"efficiency", Kind::number},
                   {"share of the iteration", Kind::bar},
                   {"limited by, growth against the baseline", Kind::text}};
  for (const ScalingPoint& p : study.points) {
    const JobMetrics& m = p.metrics;
    if (!p.simulated) {
      table.rows.push_back({fmt::format("{}", p.devices), "-", "-", "-", "-", "", "not possible: " + p.reason});
      continue;
    }
    std::string limit = p.growths.empty() || p.growths.front().share < 0.002
                            ? "-"
                            : fmt::format("{} {}", p.growths.front().name, signed_percent(p.growths.front().share));
    if (!p.feasible) limit = p.reason + "; " + limit;
    table.rows.push_back({fmt::format("{}", p.devices), human(Seconds(m.iteration_s)), count_text(m.tokens_per_s),
                          m.mfu ? percent_text(*m.mfu) : "-", p.efficiency ? percent_text(*p.efficiency) : "-",
                          html_bar(iteration_parts(m.mean), m.iteration_s), limit});
  }
  return iteration_legend() + html_table(table);
}

Plot untitled(Plot plot) {  // the section says it
  plot.title = plot.subtitle = "";
  return plot;
}

std::string scaling_section(const ScalingStudy& study) {
  return html_section("Scaling",
                      fmt::format("{} scaling; efficiency is throughput per device against {} devices",
                                  name(study.mode), study.baseline),
                      scaling_rows(study) + "<div class=\"plot\">\n" + svg_plot(untitled(throughput_plot(study))) +
                          "</div>\n<div class=\"plot\">\n" + svg_plot(efficiency_plot(study)) + "</div>\n");
}

std::string attribution(const JobComparison& job) {
  HtmlTable table;
  table.columns = {{"", Kind::text},        {"", Kind::bar},          {"before", Kind::number},
                   {"after", Kind::number}, {"change", Kind::number}, {"of before", Kind::number}};
  table.total = true;
  double largest = std::abs(job.iteration.after - job.iteration.before);
  for (const TimeShare& s : job.parts) largest = std::max(largest, std::abs(s.change_s()));
  const auto row = [&](const std::string& what, double before, double after) {
    const auto time = [](double s) { return s > 0 ? human(Seconds(s)) : std::string("-"); };
    const double change = after - before;
    table.rows.push_back({what, html_signed_bar(change, largest), time(before), time(after),
                          (change < 0 ? "−" : "+") + human(Seconds(std::abs(change))),
                          signed_percent(job.iteration.before > 0 ? change / job.iteration.before : 0)});
  };
  double before = 0, after = 0;
  for (const TimeShare& s : job.parts) {
    before += s.before_s;
    after += s.after_s;
    if (std::abs(s.change_s()) > 1e-9 * job.iteration.before)
      row(s.name.empty() ? s.kind : s.kind + " " + s.name, s.before_s, s.after_s);
  }
  row("iteration", before, after);
  return html_table(table);
}

std::string comparison_section(const ResultInput& a, const ResultInput& b) {
  const Comparison c = compare_results(a.document, b.document, title_of(a), title_of(b));
  HtmlTable inputs;
  inputs.columns = {{"input", Kind::text}, {"before", Kind::text}, {"after", Kind::text}};
  constexpr std::size_t most = 30;
  const auto text = [](const Json& v) {
    return v.is_null() ? "-" : fitted(v.is_string() ? v.get<std::string>() : v.dump(), 60);
  };
  for (const InputChange& change : c.inputs)
    if (inputs.rows.size() < most) inputs.rows.push_back({change.pointer, text(change.before), text(change.after)});
  if (c.inputs.size() > most) inputs.rows.push_back({fmt::format("and {} more", c.inputs.size() - most), "", ""});
  std::string html = html_section("Comparison: input", fmt::format("before: {}; after: {}", c.before, c.after),
                                  c.inputs.empty() ? "<p>The same.</p>" : html_table(inputs));
  for (const JobComparison& job : c.jobs)
    html += html_section("Comparison: what explains the change of the iteration",
                         fmt::format("{} to {}{}; time of the mean device, the rows sum to the change",
                                     human(Seconds(job.iteration.before)), human(Seconds(job.iteration.after)),
                                     job.iteration.relative() ? ", " + signed_percent(*job.iteration.relative()) : ""),
                         attribution(job));
  return html;
}

std::string remarks(const Json& document) {
  std::string html;
  const auto lines = [&](const char* key, const char* style, const char* prefix) {
    const auto at = document.find(key);
    if (at == document.end() || !at->is_array()) return;
    for (const Json& line : *at)
      if (line.is_string())
        html += fmt::format("<div class=\"{}\">{}{}</div>\n", style, prefix, markup_escaped(line.get<std::string>()));
  };
  lines("warnings", "warning", "Warning: ");
  lines("notes", "note", "");
  return html.empty() ? "" : html_section("Notes and warnings", "what to know before trusting the numbers", html);
}

std::string result_part(const ResultInput& result, bool alone) {
  const Json& document = result.document;
  std::string html = alone ? "" : "<h2>" + markup_escaped(title_of(result)) + "</h2>\n";
  for (const Json& job : document["jobs"]) {
    if (document["jobs"].size() > 1) html += "<h2>Job " + markup_escaped(job["name"].get<std::string>()) + "</h2>\n";
    html += html_job(job_of(job));
  }
  html += remarks(document);
  return html +
         html_section("Scenario", text_at(document["scenario"], "description"), scenario_html(document["scenario"]));
}

std::string study_part(const ResultInput& input, bool alone) {
  std::string html = alone ? "" : "<h2>" + markup_escaped(title_of(input)) + "</h2>\n";
  html += scaling_section(scaling_from_json(input.document)) + remarks(input.document);
  if (!input.document.contains("scenario") || !input.document["scenario"].is_object()) return html;
  const Json& scenario = input.document["scenario"];
  return html + html_section("Scenario, as stated", text_at(scenario, "description"), scenario_html(scenario));
}

std::string footer() {
  return fmt::format(
      "Predicted by Orrery {}. Times are of the steady-state iteration; figures without a source are predictions.",
      version());
}

}  // namespace

ScalingStudy scaling_from_json(const Json& document) {
  ScalingStudy study;
  study.name = text_at(document, "name");
  study.mode = text_at(document, "scaling") == "weak" ? ScalingMode::weak : ScalingMode::strong;
  for (const Json& json : document.at("points")) {
    ScalingPoint point;
    point.devices = json.at("devices").get<std::int64_t>();
    point.simulated = json.at("metrics").is_object();
    point.reason = text_at(json, "reason");
    if (point.simulated) {
      point.result = json.at("metrics");
      point.metrics = job_metrics_from_json("train", point.result);
      point.feasible = point.metrics.feasible;
      point.sequences = point.metrics.samples_per_s * point.metrics.iteration_s;
    }
    study.points.push_back(std::move(point));
  }
  const auto baseline = document.find("baseline_devices");
  if (baseline != document.end() && baseline->is_number()) compare_with_baseline(study, baseline->get<std::int64_t>());
  return study;
}

ScalingStudy scaling_from_results(const std::vector<ResultInput>& results) {
  ScalingStudy study;
  std::set<std::string> models, devices;
  std::set<std::int64_t> sizes, batches;
  for (const ResultInput& result : results) {
    const Json& scenario = result.document["scenario"];
    if (result.document["jobs"].size() != 1 || !scenario.contains("jobs") || !scenario["jobs"].is_array() ||
        scenario["jobs"].empty())
      return {};
    const Json& job = scenario["jobs"][0];
    models.insert(job.is_object() && job.contains("model") && job["model"].is_object() ? text_at(job["model"], "name")
                                                                                       : "");
    ScalingPoint point;
    point.result = result.document["jobs"][0]["metrics"];
    point.metrics = job_of(result.document["jobs"][0]);
    point.devices = static_cast<std::int64_t>(point.metrics.devices);
    for (const auto& [model, count] : point.metrics.devices_by_model) devices.insert(model);
    point.simulated = point.metrics.iteration_s > 0;
    point.feasible = point.simulated && point.metrics.feasible;
    point.sequences = point.metrics.samples_per_s * point.metrics.iteration_s;
    if (!point.simulated || !sizes.insert(point.devices).second) return {};
    batches.insert(static_cast<std::int64_t>(point.sequences + 0.5));
    study.points.push_back(std::move(point));
  }
  if (models.size() != 1 || models.contains("") || devices.size() != 1 || sizes.size() < 2) return {};
  std::sort(study.points.begin(), study.points.end(),
            [](const ScalingPoint& a, const ScalingPoint& b) { return a.devices < b.devices; });
  study.name = *models.begin();
  study.mode = batches.size() == 1 ? ScalingMode::strong : ScalingMode::weak;
  compare_with_baseline(study, study.points.front().devices);
  return study;
}

std::string report_page(const std::vector<ResultInput>& inputs) {
  std::vector<ResultInput> results;
  for (const ResultInput& input : inputs)
    if (is_result(input.document)) results.push_back(input);
  std::string body;
  if (results.size() > 1) {
    body += overview(results);
    const ScalingStudy study = scaling_from_results(results);
    if (!study.points.empty()) body += scaling_section(study);
    if (results.size() == 2) body += comparison_section(results[0], results[1]);
  }
  for (const ResultInput& input : inputs)
    body += is_result(input.document) ? result_part(input, inputs.size() == 1) : study_part(input, inputs.size() == 1);
  if (inputs.size() == 1) {
    const Json& document = inputs.front().document;
    return html_page(title_of(inputs.front()),
                     document.contains("scenario") ? text_at(document["scenario"], "description") : "", body, footer());
  }
  std::string names;
  for (const ResultInput& input : inputs) names += (names.empty() ? "" : ", ") + title_of(input);
  return html_page(fmt::format("{} results", inputs.size()), names, body, footer());
}

}  // namespace orrery
