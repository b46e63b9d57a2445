#include "scenarios/commands/validate.hpp"

#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/nccl_log.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/picture_file.hpp"
#include "scenarios/run_scenario.hpp"
#include "scenarios/validate_own.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

struct ValidateOptions {
  ScenarioOptions scenario;  // --library and --fidelity
  std::vector<std::string> records, logs, columns;
  std::string own, csv, sources, plot, show;
  std::optional<std::int64_t> warm_up;
  bool json = false, markdown = false, rows = false;
  int jobs = 0;
};

Fidelity fidelity_of(const ValidateOptions& options) {
  return options.scenario.fidelity == "analytic" ? Fidelity::analytic : Fidelity::flow;
}

// Logs have commands of their own: which, for this file; "" for no log that we know.
std::string command_for_log(const std::filesystem::path& file) {
  if (file.extension() == ".json") return "";
  try {
    const std::string text = read_log_text(file, "a log");
    try {
      parse_nccl_log(text, file.string());
      return "a log of nccl-tests: orrery collective --topology MACHINE --log " + file.string();
    } catch (const SpecError&) {
      parse_training_log(text, file.string());
      return "a training log: orrery validate --scenario SCENARIO --log " + file.string();
    }
  } catch (const SpecError&) {
    return "";
  }
}

std::vector<MeasuredRow> read_rows(const ValidateOptions& options) {
  std::vector<MeasuredRow> rows;
  std::vector<Fault> faults;
  std::map<std::string, std::string> file_of, file_of_source;
  for (const auto& file : measured_files(options.records)) {
    try {
      MeasuredFile measured = read_measured(file);
      if (const auto [it, fresh] = file_of_source.emplace(measured.source, file.string()); !fresh)
        print_error(fmt::format("warning: {} and {} are summed up as one source, {}\n", it->second, file.string(),
                                measured.source));
      for (MeasuredRow& row : measured.rows) {
        const auto [it, fresh] = file_of.emplace(row.id, row.file);
        if (!fresh)
          print_error(fmt::format("warning: id {} stands in {} and in {}\n", quote(row.id), it->second, row.file));
        rows.push_back(std::move(row));
      }
    } catch (const SpecError& error) {
      if (const std::string command = command_for_log(file); !command.empty())
        faults.push_back({file.string(), "", "a file of measured runs (format orrery/measured/1)", command});
      else
        faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    }
  }
  if (!faults.empty()) throw SpecError(faults);
  if (rows.empty()) throw SpecError(options.records.front(), "/runs", "at least one run", "none in the given files");
  return rows;
}

int show(const ValidateOptions& options, const std::vector<MeasuredRow>& rows, const Library& library) {
  std::vector<std::string> ids;
  for (const MeasuredRow& row : rows) {
    if (row.id != options.show) {
      ids.push_back(row.id);
      continue;
    }
    try {
      print(shown_scenario(row, fidelity_of(options), library).dump(2) + "\n");
    } catch (const CannotSimulate& reason) {
      throw UsageError(fmt::format("--show {}: {}", quote(options.show), reason.what()));
    }
    return exit_done;
  }
  throw UsageError("--show: no row " + quote_unknown(options.show, ids));
}

// Said before the simulations rather than after them.
void check_places(const ValidateOptions& options) {
  const std::string& input = options.own.empty() ? options.records.front() : options.own;
  check_different({options.csv, options.sources, options.plot});
  if (!options.csv.empty()) check_result_file(options.csv, input, table_output("id,source,grade,metric"));
  if (!options.sources.empty()) check_result_file(options.sources, input, table_output("source,rows,simulated"));
  if (!options.plot.empty()) check_svg_file(options.plot, input);
}

void write_validation(const ValidateOptions& options, const Validation& result) {
  std::vector<OutputFile> files;
  if (!options.csv.empty()) files.push_back({options.csv, [&](std::ostream& out) { out << validation_csv(result); }});
  if (!options.sources.empty())
    files.push_back({options.sources, [&](std::ostream& out) { out << validation_sources_csv(result); }});
  if (!options.plot.empty()) files.push_back({options.plot, [&](std::ostream& out) { out << validation_svg(result); }});
  write_files(files);
}

int validate_logs(const ValidateOptions& options) {
  if (options.own.empty()) throw UsageError("--log needs --scenario, which says what was run");
  if (options.logs.empty()) throw UsageError("--scenario needs --log, what was measured");
  const Library library = options.scenario.find_library();
  const LoadedScenario loaded = options.scenario.load(options.own, library);
  const Library beside = loaded.beside(library);
  const ScenarioDocument document = options.scenario.edited_document(loaded);
  if (options.columns.empty()) check_scenario(loaded.scenario, loaded.file(), beside);
  std::vector<OwnRun> runs;
  std::vector<Fault> faults;
  for (const std::string& log : options.logs) try {
      if (options.columns.empty()) {
        runs.push_back(run_of_log(log, document));
      } else {
        for (OwnRun& run : runs_of_table(log, options.columns, document, beside)) runs.push_back(std::move(run));
      }
    } catch (const SpecError& error) {
      faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    }
  if (!faults.empty()) throw SpecError(faults);
  check_places(options);
  const Progress progress("orrery: simulating " + options.own);
  const OwnValidation own = validate_own(runs, options.warm_up, beside, options.jobs);
  write_validation(options, own.validation);
  print(options.json ? own_json(own).dump(2) + "\n" : own_text(own));
  return exit_done;
}

int validate_records(const ValidateOptions& options) {
  if (options.records.empty()) throw UsageError("expected files of measured runs, or --scenario and --log");
  const Library library = options.scenario.find_library();
  std::vector<MeasuredRow> rows = read_rows(options);
  if (!options.show.empty()) return show(options, rows, library);
  check_places(options);
  const std::size_t total = rows.size();
  const Validation result = validate(std::move(rows), fidelity_of(options), library, options.jobs,
                                     [&](std::size_t done) {
                                       if (done % 50 == 0 || done == total)
                                         print_error(fmt::format("orrery: {} of {} rows\n", done, total));
                                     });
  write_validation(options, result);
  print(options.json       ? validation_json(result).dump(2) + "\n"
        : options.markdown ? validation_markdown(result)
                           : validation_text(result, options.rows));
  return exit_done;
}

}  // namespace

CommandAction declare_validate(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<ValidateOptions>();
  app.description(
      "Predicts every measured run of the given files and compares: errors per source and over all, the worst rows, "
      "what was assumed where a "
      "source does not say, and why rows were skipped. Beside them stand two simple models fitted on the same rows. "
      "With "
      "--scenario and --log: the steady iterations of your own training run beside the prediction of your scenario.");
  app.add_option("RECORDS", options->records, "Files of measured runs (format orrery/measured/1), or folders of them")
      ->option_text("...");
  CLI::Option* own = app.add_option("--scenario", options->own, "The scenario that --log measured (a file or a name)");
  own->type_name("SCENARIO")->excludes("RECORDS");
  app.add_option("--log", options->logs,
                 "A training log of Megatron-LM, NeMo, torchtitan, llm-foundry or DeepSpeed (may be repeated), or with "
                 "--column a CSV")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->excludes("RECORDS");
  app.add_option("--column", options->columns,
                 "What a column of the CSV is: KEY=HEADING with one of time_s, time_ms, samples_per_s, tokens_per_s, "
                 "tokens_per_s_per_device; and id, iteration, or a JSON pointer into the scenario, for what differed "
                 "from run to run; may be repeated")
      ->type_name("KEY=HEADING")
      ->allow_extra_args(false)
      ->needs("--log");
  app.add_option(
         "--warm-up", options->warm_up,
         "Iterations left out at every start of a log (default: the first line and 10 iterations, at most half)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40))
      ->needs("--log");
  app.add_flag("--json", options->json, "Print one JSON document, and nothing else");
  app.add_flag("--markdown", options->markdown, "Print the tables of docs/accuracy.md, and nothing else")
      ->excludes("--json")
      ->excludes("--log");
  app.add_flag(
         "--rows", options->rows,
         "Print every row, predicted beside measured, or why it was skipped (default: where there are at most 40)")
      ->excludes("--json")
      ->excludes("--markdown")
      ->excludes("--log");
  app.add_option("--csv", options->csv, "Also write one line per row")->type_name("FILE");
  app.add_option("--sources", options->sources, "Also write one line per source: rows, median, 90th percentile")
      ->type_name("FILE.csv");
  app.add_option("--plot", options->plot, "Also write predicted against measured as an SVG picture")
      ->type_name("FILE.svg");
  app.add_option("--show", options->show,
                 "Print the scenario of one training or power row and stop; `orrery run` on it gives the same number. "
                 "Single passes and convolutional networks are predicted without a scenario and cannot be shown")
      ->type_name("ID")
      ->excludes("--scenario");
  app.add_option("--jobs", options->jobs, "Worker processes (default: one per processor); results do not depend on it")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  declare_set(app, options->scenario);
  CLI::Option* set = app.get_option("--set");
  set->needs("--scenario")->description(set->get_description() + ". With --scenario only");
  declare_fidelity(app, options->scenario);
  declare_library(app, options->scenario);
  app.footer(
      "Examples:\n"
      "  orrery validate tests/validation/measured --plot predicted.svg\n"
      "  orrery validate --scenario my-run.json --log train.log\n"
      "  orrery validate --scenario my-run.json --log runs.csv --column time_ms=step --column /jobs/0/plan/tensor=tp\n"
      "\n"
      "Logs of nccl-tests: orrery collective --topology MACHINE --log FILE");
  return [options] {
    const bool own_logs = !options->own.empty() || !options->logs.empty();
    return own_logs ? validate_logs(*options) : validate_records(*options);
  };
}

}  // namespace orrery
