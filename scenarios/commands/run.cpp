#include "scenarios/commands/run.hpp"

#include <algorithm>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "analysis/report.hpp"
#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/run_scenario.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

struct RunOptions {
  ScenarioOptions scenario;
  std::string name, out, trace, trace_devices, trace_iterations;
  bool json = false;
};

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); }

// What differs between two runs of the same scenario: everything else in a result is reproducible to the byte.
Json provenance(const Invocation& invocation) {
  rusage own{}, children{};  // the engine simulates in a child process
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - invocation.started;
  Json json;
  json["wall_s"] = wall.count();
  json["cpu_s"] = seconds(own.ru_utime) + seconds(own.ru_stime) + seconds(children.ru_utime) +
                  seconds(children.ru_stime);
  json["peak_rss_bytes"] = 1024 * std::max(own.ru_maxrss, children.ru_maxrss);
  json["command_line"] = invocation.command_line;
  return json;
}

// "all", or how many.
template <class T> std::optional<T> limit(const std::string& text, std::optional<T> otherwise) {
  if (text.empty()) return otherwise;
  return text == "all" ? std::nullopt : std::optional<T>(static_cast<T>(std::stoul(text)));
}

TraceLimits limits_of(const RunOptions& options) {
  TraceLimits limits;
  limits.iterations = limit(options.trace_iterations, limits.iterations);
  if (options.trace_devices.empty()) return limits;
  limits.devices = limit(options.trace_devices, limits.devices);
  limits.slices.reset();
  return limits;
}

std::string title_of(const Scenario& scenario, const std::filesystem::path& file) {
  return scenario.name.empty() ? file.stem().string() : scenario.name;
}

// "job train, stage 3: 96 GB needed of 80 GB, 16 GB short; most of it: optimizer states 40 GB, activations 30 GB".
std::string shortfalls(const Metrics& metrics) {
  std::string lines;
  for (const JobMetrics& job : metrics.jobs)
    if (const auto& pool = job.memory_pools; pool && pool->too_small > 0)
      lines += fmt::format(
          "infeasible: {}: memory pool {} needs {} of {}, {} ({:.0f} bytes) short; {} of {} too small\n", job.name,
          pool->name, human(Bytes(pool->peak_bytes)), human(Bytes(pool->capacity_bytes)),
          human(Bytes(pool->shortfall_bytes())), pool->shortfall_bytes(), pool->too_small, pool->pools);
  for (const JobMetrics& job : metrics.jobs)
    for (const StageMetrics& stage : job.stages) {
      const double short_by = stage.memory_peak_bytes - stage.memory_capacity_bytes;
      if (stage.memory_capacity_bytes <= 0 || short_by <= 0) continue;
      std::array<std::size_t, 5> order{0, 1, 2, 3, 4};
      const auto& parts = stage.memory_peak_by_category_bytes;
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return parts[a] > parts[b]; });
      lines += fmt::format(
          "infeasible: {}, stage {}: each device needs {} of {}, {} ({:.0f} bytes) short; largest: {} {}, {} {}\n",
          job.name, stage.stage, human(Bytes(stage.memory_peak_bytes)), human(Bytes(stage.memory_capacity_bytes)),
          human(Bytes(short_by)), short_by, memory_category_names[order[0]], human(Bytes(parts[order[0]])),
          memory_category_names[order[1]], human(Bytes(parts[order[1]])));
    }
  return lines;
}

std::string report_of(const ScenarioRun& run, const std::string& title, TextStyle style) {
  std::vector<std::string> notes = run.notes;
  for (const std::string& warning : run.warnings) notes.push_back("warning: " + warning);
  return text_report(run.metrics, title, notes, style);
}

std::vector<OutputFile> output_files(const RunOptions& options, const ScenarioRun& run, const Json& document,
                                     const std::string& title) {
  std::vector<OutputFile> files;
  const auto trace = [&run, limits = limits_of(options)](std::ostream& out) {
    write_trace(out, run.timeline, run.cluster, *run.costs, limits);
  };
  if (!options.out.empty()) {
    const std::filesystem::path folder = options.out;
    files.push_back({folder / "report.txt", [&run, title](std::ostream& out) { out << report_of(run, title, {}); }});
    files.push_back({folder / "trace.json", trace});
    files.push_back({folder / "result.json", [&document](std::ostream& out) { out << document_text(document); }});
  }
  if (!options.trace.empty()) files.push_back({options.trace, trace});
  return files;
}

// Said before the simulation rather than after it.
void check_places(const RunOptions& options, const std::filesystem::path& scenario) {
  if (!options.out.empty()) check_result_folder(options.out);
  if (options.trace.empty()) {
    for (const auto& [option, value] : {std::pair("--trace-devices", options.trace_devices),
                                        std::pair("--trace-iterations", options.trace_iterations)})
      if (!value.empty() && options.out.empty())
        throw UsageError(fmt::format("{} has no effect without --trace or --out", option));
    return;
  }
  for (const char* name : {"result.json", "report.txt", "trace.json"})
    if (!options.out.empty() && same_place(std::filesystem::path(options.out) / name, options.trace))
      throw UsageError(fmt::format("--trace: {} is written by --out already", quote(options.trace)));
  check_result_file(options.trace, scenario, trace_output);
}

int run(const RunOptions& options, const Invocation& invocation) {
  const Library library = options.scenario.find_library();
  const LoadedScenario loaded = options.scenario.load(options.name, library);
  check_places(options, loaded.original.file);
  const std::string title = title_of(loaded.scenario, loaded.original.file);
  ScenarioRun result;
  {
    const Progress progress("orrery: simulating " + title);
    result = options.scenario.naming_assignments(
        loaded, library, [&] { return run_scenario(loaded.scenario, loaded.file(), loaded.beside(library)); });
  }
  for (std::string& warning : options.scenario.idle_assignments(loaded, library))
    result.warnings.push_back(std::move(warning));
  Json document = result_json(loaded.scenario, result);
  document["provenance"] = provenance(invocation);
  if (!options.out.empty() || !options.trace.empty())
    if (const std::string left_out = trace_scope(result.timeline, limits_of(options)).left_out; !left_out.empty())
      result.notes.push_back(fmt::format("the trace shows {} (--trace-devices, --trace-iterations)", left_out));
  write_files(output_files(options, result, document, title));
  print(options.json ? document_text(document) : report_of(result, title, {colour_wanted()}));
  if (result.metrics.feasible()) return exit_done;
  print_error(shortfalls(result.metrics));
  return exit_infeasible;
}

std::string not_empty(const std::string& name) { return name.empty() ? "expected a name, found none" : ""; }

std::string count_or_all(const std::string& word) {
  const bool digits = !word.empty() && word.size() < 8 && word.find_first_not_of("0123456789") == std::string::npos;
  if (word == "all" || (digits && std::stoul(word) > 0)) return "";
  return fmt::format("expected a number from 1, or \"all\", found {}", quote(word));
}

}  // namespace

CommandAction declare_run(CLI::App& app, const Invocation& invocation) {
  auto options = std::make_shared<RunOptions>();
  app.description(
      "Simulates one scenario and prints what an engineer asks first: time per iteration and throughput, utilization, "
      "where the time goes on every pipeline stage, memory against capacity, energy. Notes and warnings come last.");
  app.add_option("SCENARIO", options->name, "A scenario file, or the name of a shipped one (`orrery list scenarios`)")
      ->required()
      ->option_text(" ");
  declare_set(app, options->scenario);
  declare_fidelity(app, options->scenario);
  app.add_option("--out", options->out,
                 "Also write result.json, report.txt and trace.json into this folder (made if it is not there), "
                 "also for a model that does not fit; an earlier result there is replaced, other files are never "
                 "overwritten")
      ->type_name("DIR")
      ->check(CLI::Validator(not_empty, ""));
  app.add_option("--trace", options->trace,
                 "Also write a trace for https://ui.perfetto.dev or chrome://tracing (FILE: new, "
                 "empty or an earlier trace, in a folder that is there)")
      ->type_name("FILE")
      ->check(CLI::Validator(not_empty, ""));
  const TraceLimits usual;
  app.add_option("--trace-devices", options->trace_devices,
                 fmt::format("How many of the simulated devices a trace shows, one of each pipeline stage first "
                             "(default: as many as have {} slices together, some 80 MB)",
                             *usual.slices))
      ->type_name("N|all")
      ->check(CLI::Validator(count_or_all, ""));
  app.add_option("--trace-iterations", options->trace_iterations,
                 fmt::format("How many iterations of each job a trace shows, the last ones, with what other jobs did "
                             "meanwhile (default: {})",
                             *usual.iterations))
      ->type_name("N|all")
      ->check(CLI::Validator(count_or_all, ""));
  app.add_flag("--json", options->json, "Print the result as one JSON document (keys carry units), and nothing else");
  declare_library(app, options->scenario);
  app.footer(
      "Examples:\n"
      "  orrery run gpt3-175b-1024-a100 --fidelity analytic\n"
      "  orrery run my.json --set /jobs/0/plan/tensor=4 --set /jobs/0/precision=fp16\n"
      "  orrery run my.json --json | jq .metrics.iteration_s\n"
      "\n"
      "Exit codes: 0 done, 1 internal or I/O error, 2 bad input, 3 does not fit in memory (the report\n"
      "says by how much), 130 interrupted.");
  return [options, &invocation] { return run(*options, invocation); };
}

}  // namespace orrery
