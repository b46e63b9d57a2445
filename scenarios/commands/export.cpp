#include "scenarios/commands/export.hpp"

#include <filesystem>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/console.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/store_export.hpp"

namespace orrery {

namespace {

struct ExportOptions {
  std::string store, file;
  bool json = false;
  std::int64_t scenario = -1;
};

void write_scenario(Store& store, std::size_t point, std::ostream& out) {
  const auto row = store.find(point);
  if (!row) throw UsageError(fmt::format("--scenario: point {} is not stored in {}", point, store.path().string()));
  if (row->scenario.empty())
    throw UsageError(fmt::format("--scenario: the scenario of point {} could not be read: {}", point, row->reason));
  out << parse_json(row->scenario, store.path().string()).dump(2) << '\n';
}

int export_results(const ExportOptions& options) {
  std::filesystem::path path = options.store;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) path /= "sweep.sqlite";
  Store store = Store::open(path);
  const auto write = [&](std::ostream& out) {
    if (options.scenario >= 0)
      write_scenario(store, static_cast<std::size_t>(options.scenario), out);
    else if (options.json)
      export_json(store, out);
    else
      export_csv(store, out);
  };
  if (!options.file.empty()) {
    constexpr OutputKind scenario_output{"", true};  // has no mark: none is ever replaced
    check_result_file(options.file, path,
                      options.scenario >= 0 ? scenario_output
                      : options.json        ? sweep_document_output
                                            : sweep_table_output);
    write_files({{options.file, write}});
    return exit_done;
  }
  std::ostringstream text;
  write(text);
  print(text.str());
  return exit_done;
}

}  // namespace

CommandAction declare_export(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<ExportOptions>();
  app.description(
      "Prints the results of a sweep as CSV: one row per point in their order, one column per axis and metric. Also "
      "while "
      "the sweep runs.");
  app.add_option("STORE", options->store, "The folder of a sweep, or a store in it")->required()->option_text(" ");
  app.add_flag("--json", options->json, "JSON instead of CSV");
  app.add_option("--scenario", options->scenario,
                 "Instead: the fully resolved scenario of one point, which `orrery run` takes")
      ->type_name("POINT")
      ->check(CLI::NonNegativeNumber);
  app.add_option("-o,--output", options->file, "Write to this file")->type_name("FILE");
  app.footer(
      "Examples:\n  orrery export runs/gpt3 > gpt3.csv\n  orrery export runs/gpt3 --scenario 17 -o point-17.json");
  return [options] { return export_results(*options); };
}

}  // namespace orrery
