#include "scenarios/commands/validate.hpp"

#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/validate.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

struct ValidateOptions {
  ScenarioOptions scenario;  // --library and --fidelity
  std::vector<std::string> records;
  std::string csv, plot, show;
  bool json = false;
  int jobs = 0;
};

Fidelity fidelity_of(const ValidateOptions& options) {
  return options.scenario.fidelity == "analytic" ? Fidelity::analytic : Fidelity::flow;
}

std::vector<MeasuredRow> read_rows(const ValidateOptions& options) {
  std::vector<MeasuredRow> rows;
  std::vector<Fault> faults;
  std::map<std::string, std::string> file_of;
  for (const auto& file : measured_files(options.records)) {
    try {
      MeasuredFile measured = read_measured(file);
      for (MeasuredRow& row : measured.rows) {
        const auto [it, fresh] = file_of.emplace(row.id, row.file);
        if (!fresh)
          print_error(fmt::format("warning: id {} stands in {} and in {}\n", quote(row.id), it->second, row.file));
        rows.push_back(std::move(row));
      }
    } catch (const SpecError& error) {
      faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    }
  }
  if (!faults.empty()) throw SpecError(faults);
  return rows;
}

int show(const ValidateOptions& options, const std::vector<MeasuredRow>& rows) {
  std::vector<std::string> ids;
  for (const MeasuredRow& row : rows) {
    if (row.id != options.show) {
      ids.push_back(row.id);
      continue;
    }
    try {
      print(shown_scenario(row, fidelity_of(options)).dump(2) + "\n");
    } catch (const CannotSimulate& reason) {
      throw UsageError(fmt::format("--show {}: {}", quote(options.show), reason.what()));
    }
    return exit_done;
  }
  throw UsageError("--show: no row " + quote_unknown(options.show, ids));
}

int validate_records(const ValidateOptions& options) {
  const Library library = options.scenario.find_library();
  std::vector<MeasuredRow> rows = read_rows(options);
  if (!options.show.empty()) return show(options, rows);
  const std::size_t total = rows.size();
  const Validation result = validate(std::move(rows), fidelity_of(options), library, options.jobs,
                                     [&](std::size_t done) {
                                       if (done % 50 == 0 || done == total)
                                         print_error(fmt::format("orrery: {} of {} rows\n", done, total));
                                     });
  std::vector<OutputFile> files;
  if (!options.csv.empty()) files.push_back({options.csv, [&](std::ostream& out) { out << validation_csv(result); }});
  if (!options.plot.empty()) files.push_back({options.plot, [&](std::ostream& out) { out << validation_svg(result); }});
  write_files(files);
  print(options.json ? validation_json(result).dump(2) + "\n" : validation_text(result));
  return exit_done;
}

}  // namespace

CommandAction declare_validate(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<ValidateOptions>();
  app.description(
      "Predicts every measured run of the given files and compares: errors per source and over all, the worst rows, "
      "what was assumed where a "
      "source does not say, and why rows were skipped. Beside them stand two simple models fitted on the same rows.");
  app.add_option("RECORDS", options->records, "Files of measured runs (format orrery/measured/1), or folders of them")
      ->required()
      ->option_text("...");
  app.add_flag("--json", options->json, "Print one JSON document, and nothing else");
  app.add_option("--csv", options->csv, "Also write one line per row")->type_name("FILE");
  app.add_option("--plot", options->plot, "Also write predicted against measured as an SVG picture")
      ->type_name("FILE.svg");
  app.add_option("--show", options->show,
                 "Print the scenario of one training row and stop; `orrery run` on it gives the same number")
      ->type_name("ID");
  app.add_option("--jobs", options->jobs, "Worker processes (default: one per processor); results do not depend on it")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  declare_fidelity(app, options->scenario);
  declare_library(app, options->scenario);
  return [options] { return validate_records(*options); };
}

}  // namespace orrery
