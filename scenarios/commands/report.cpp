#include "scenarios/commands/report.hpp"

#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>

#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/report_page.hpp"

namespace orrery {
namespace {

struct ReportOptions {
  ScenarioOptions scenario;
  std::vector<std::string> inputs;
  std::string output;
};

int report(const ReportOptions& options) {
  const Library library = options.scenario.find_library();
  for (const std::string& input : options.inputs) check_result_file(options.output, input, page_output);
  std::vector<ResultInput> inputs;
  for (const std::string& input : options.inputs) inputs.push_back(load_result(input, options.scenario, library));
  const std::string page = report_page(inputs);
  write_files({{options.output, [&page](std::ostream& out) { out << page; }}});
  return exit_done;
}

}  // namespace

CommandAction declare_report(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<ReportOptions>();
  app.description(
      "Writes one self-contained HTML page: summary, time per pipeline stage, kernels, communication, memory against "
      "capacity, energy, the scenario and warnings. Several results get an overview and, where they are one model at "
      "different sizes, a scaling section; two results are compared. Scenarios are run first.");
  app.add_option("RESULT", options->inputs,
                 "A result.json, its folder, the document of `orrery scale --json`, or a scenario (file or name)")
      ->required()
      ->option_text("...");
  app.add_option("-o,--output", options->output, "The page to write; an earlier one is replaced")
      ->required()
      ->type_name("FILE.html");
  declare_set(app, options->scenario);
  declare_fidelity(app, options->scenario);
  declare_library(app, options->scenario);
  app.footer(
      "--set and --fidelity apply to scenarios that are run, not to results.\n"
      "\n"
      "Examples:\n"
      "  orrery report out/result.json -o report.html\n"
      "  orrery report gpt3-175b-1024-a100 gpt3-175b-4096-a100 -o scaling.html\n"
      "  orrery scale mpt-7b-fsdp-64-a100 --devices 8..512 --json > s.json && orrery report s.json -o s.html\n"
      "\n"
      "Exit codes: 0 done, 1 internal or I/O error, 2 bad input, 130 interrupted.");
  return [options] { return report(*options); };
}

}  // namespace orrery
