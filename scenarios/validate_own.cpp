#include "scenarios/validate_own.hpp"

#include <fmt/format.h>

#include "scenarios/output_files.hpp"
#include "scenarios/run_scenario.hpp"
#include "scenarios/text_table.hpp"
#include "scenarios/workers.hpp"
#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

Json step_json(const PredictedStep& step) {
  return {{"prediction", prediction_json(step.prediction)},
          {"samples", step.work.samples},
          {"tokens", step.work.tokens},
          {"devices", step.work.devices}};
}

PredictedStep step_from_json(const Json& json) {
  return {prediction_from_json(json["prediction"]), {json["samples"], json["tokens"], json["devices"]}};
}

// What the scenario has where the log says something.
std::optional<std::int64_t> in_scenario(const std::string& what, const Scenario& scenario, const StepWork& work) {
  const JobSpec& job = scenario.jobs.at(0);
  if (what == "devices") return static_cast<std::int64_t>(work.devices);
  if (what == "/jobs/0/plan/data")
    return static_cast<std::int64_t>(work.devices) / (job.plan.tensor * job.plan.pipeline * job.plan.context);
  if (what == "/jobs/0/plan/tensor") return job.plan.tensor;
  if (what == "/jobs/0/plan/pipeline") return job.plan.pipeline;
  if (what == "/jobs/0/plan/context") return job.plan.context;
  if (what == "/jobs/0/batch/micro") return job.batch.micro;
  if (what == "/jobs/0/batch/global") return job.batch.global;
  if (what == "/jobs/0/model/sequence") return job.model.sequence;
  if (what == "/jobs/0/model/layers") return job.model.layers;
  if (what == "/jobs/0/model/hidden") return job.model.hidden;
  if (what == "/jobs/0/model/heads") return job.model.heads;
  return std::nullopt;
}

std::vector<std::string> warnings_of(const OwnRun& run, const SteadyTime& steady, const PredictedStep& step,
                                     const Library& library) {
  std::vector<std::string> warnings = run.notes;
  const Scenario scenario = read_scenario(run.scenario, library);
  for (const auto& [what, value] : run.log.stated) {
    // A log that ramps its batch up says so line by line.
    if (what == "/jobs/0/batch/global" && steady.other_batch > 0) continue;
    const auto here = in_scenario(what, scenario, step.work);
    if (here && *here != value)
      warnings.push_back(fmt::format("the log says {} {}, the scenario has {}", what, value, *here));
  }
  if (steady.other_batch > 0)
    warnings.push_back(
        fmt::format("{} lines with another global batch size than the scenario's are left out", steady.other_batch));
  if (steady.warm_up == 0 && !run.whole)
    warnings.push_back("too few lines to leave a warm-up out: the first iterations are slower than the steady ones");
  if (!step.prediction.fits) warnings.push_back("the scenario is predicted not to fit in memory");
  if (scenario.jobs.size() > 1) warnings.push_back("the scenario has several jobs: the first is compared");
  return warnings;
}

std::string no_time_text(const OwnRun& run, const Prediction& p) {
  return fmt::format("{} for a time; predicted {}", run.no_time.empty() ? "nothing" : quote(run.no_time),
                     p.fits ? fmt::format("{:.4g} s", *p.predicted) : "not to fit in memory");
}

ValidatedRow row_of(const OwnRun& run) {
  ValidatedRow row;
  row.row.id = run.id;
  row.row.kind = "training";
  row.row.source = run.source;
  row.row.file = run.log.file;
  row.counts = true;
  return row;
}

}  // namespace

OwnRun run_of_log(const std::filesystem::path& log, const ScenarioDocument& scenario) {
  return {log.filename().string(), "log/" + log.stem().string(), scenario, read_training_log(log), false, "", {}};
}

OwnValidation validate_own(const std::vector<OwnRun>& runs, std::optional<std::int64_t> warm_up, const Library& library,
                           int jobs) {
  const auto task = [&](std::size_t i) { return line_text(step_json(predict_scenario(runs[i].scenario, library))); };
  const auto answers = run_in_workers(runs.size(), jobs, task, std::function<void(std::size_t)>());
  OwnValidation own;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    PredictedStep step;
    if (answers[i])
      step = step_from_json(Json::parse(*answers[i]));
    else
      step.prediction.skipped = "failed: the process that simulated it died";
    OwnResult result{runs[i].log.framework, runs[i].log.file, std::nullopt, {}};
    ValidatedRow row = row_of(runs[i]);
    if (step.prediction.predicted && runs[i].log.steps.empty()) {
      step.prediction.skipped = no_time_text(runs[i], step.prediction);
      step.prediction.predicted.reset();
    } else if (step.prediction.predicted) {
      result.steady = steady_time(runs[i].log.steps, step.work, warm_up, runs[i].log.file);
      result.warnings = warnings_of(runs[i], *result.steady, step, library);
      step.prediction.measured = result.steady->median_s;
    }
    row.prediction = std::move(step.prediction);
    own.validation.rows.push_back(std::move(row));
    own.results.push_back(std::move(result));
  }
  sum_up(own.validation);
  return own;
}

namespace {

std::string band_text(const Prediction& p) {
  if (!p.low || !p.high) return "no band";
  const bool inside = *p.low <= *p.measured && *p.measured <= *p.high;
  return fmt::format("nominal 90 % band {:.4g} to {:.4g} s: the measurement is {}", *p.low, *p.high,
                     inside ? "inside" : "outside");
}

std::string block_text(const ValidatedRow& row, const OwnResult& result) {
  const Prediction& p = row.prediction;
  std::string text = row.row.id + (result.framework.empty() ? "" : " (" + result.framework + ")") + "\n";
  if (!result.steady) return text + "  not compared: " + p.skipped + "\n";
  const SteadyTime& s = *result.steady;
  text += fmt::format("  logged       {} {} with a time{}; {} of warm-up left out\n", s.logged,
                      s.logged == 1 ? "line" : "lines", s.restarts == 0 ? "" : fmt::format(", {} restarts", s.restarts),
                      s.warm_up);
  text += fmt::format("  measured     {:.4g} s   median of {}, 10th to 90th percentile {:.4g} to {:.4g} s\n",
                      s.median_s, s.used, s.low_s, s.high_s);
  text += fmt::format("  predicted    {:.4g} s   {:+.1f} %; {}\n", *p.predicted, 100 * *row.error(), band_text(p));
  for (const std::string& warning : result.warnings) text += "  warning: " + warning + "\n";
  return text;
}

std::string table_text(const OwnValidation& own) {
  TextTable table;
  table.columns = {{"run"},
                   {"lines", Align::right},
                   {"measured s", Align::right},
                   {"10th..90th", Align::right},
                   {"predicted s", Align::right},
                   {"error", Align::right},
                   {"in band"}};
  for (std::size_t i = 0; i < own.results.size(); ++i) {
    const ValidatedRow& row = own.validation.rows[i];
    const Prediction& p = row.prediction;
    if (!own.results[i].steady) {
      table.rows.push_back({row.row.id, "", "", "", "", "", p.skipped});
      continue;
    }
    const SteadyTime& s = *own.results[i].steady;
    const bool banded = p.low && p.high, inside = banded && *p.low <= s.median_s && s.median_s <= *p.high;
    table.rows.push_back({row.row.id, fmt::format("{}", s.used), fmt::format("{:.4g}", s.median_s),
                          s.used > 1 ? fmt::format("{:.4g}..{:.4g}", s.low_s, s.high_s) : "-",
                          fmt::format("{:.4g}", *p.predicted), fmt::format("{:+.1f} %", 100 * *row.error()),
                          !banded  ? "-"
                          : inside ? "yes"
                                   : "no"});
    for (const std::string& warning : own.results[i].warnings) table.remarks.push_back(row.row.id + ": " + warning);
  }
  return table.text();
}

}  // namespace

std::string own_text(const OwnValidation& own) {
  std::string text;
  if (own.results.size() > 3) {
    text = table_text(own);
  } else {
    for (std::size_t i = 0; i < own.results.size(); ++i)
      text += (i > 0 ? "\n" : "") + block_text(own.validation.rows[i], own.results[i]);
  }
  const ErrorStatistics& s = own.validation.overall.statistics;
  if (s.simulated > 1)
    text += fmt::format("\n{} runs: median error {:.1f} %, 90th percentile {:.1f} %, worst {:.1f} %, bias {:+.1f} %\n",
                        s.simulated, 100 * *s.median_abs_error, 100 * *s.p90_abs_error, 100 * *s.worst_abs_error,
                        100 * *s.bias);
  return text;
}

Json own_json(const OwnValidation& own) {
  Json document = validation_json(own.validation);
  document.erase("assumption_rules");
  for (std::size_t i = 0; i < own.results.size(); ++i) {
    const OwnResult& result = own.results[i];
    Json log = {{"file", result.file}, {"framework", result.framework}};
    if (const auto& s = result.steady) {
      log["measured_p10_s"] = s->low_s;
      log["measured_p90_s"] = s->high_s;
      log["lines"] = s->logged;
      log["lines_used"] = s->used;
      log["lines_of_warm_up"] = s->warm_up;
      log["lines_with_another_batch"] = s->other_batch;
      log["restarts"] = s->restarts;
    }
    log["warnings"] = result.warnings;
    document["runs"][i]["log"] = std::move(log);
  }
  return document;
}

}  // namespace orrery
