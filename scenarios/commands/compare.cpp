#include "scenarios/commands/compare.hpp"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/comparison.hpp"
#include "scenarios/console.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/result_input.hpp"
#include "scenarios/version.hpp"

namespace orrery {
namespace {

struct CompareOptions {
  ScenarioOptions scenario;
  std::string before, after;
  bool json = false;
};

ResultInput load_one(const std::string& name, const CompareOptions& options, const Library& library) {
  ResultInput input = load_result(name, options.scenario, library);
  if (!is_result(input.document))
    throw SpecError(name, "", "a result of `orrery run`, or a scenario",
                    "a scaling study (compare two of its sizes as results)");
  return input;
}

int compare(const CompareOptions& options, const Invocation& invocation) {
  const Library library = options.scenario.find_library();
  const ResultInput before = load_one(options.before, options, library),
                    after = load_one(options.after, options, library);
  const Comparison comparison = compare_results(before.document, after.document, before.name, after.name);
  if (!options.json) {
    print(comparison_text(comparison));
    return exit_done;
  }
  Json json;
  json["orrery"] = version();
  json.update(comparison_json(comparison));
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - invocation.started;
  json["provenance"] = {{"wall_s", wall.count()}, {"command_line", invocation.command_line}};
  print(document_text(json));
  return exit_done;
}

}  // namespace

CommandAction declare_compare(CLI::App& app, const Invocation& invocation) {
  auto options = std::make_shared<CompareOptions>();
  app.description(
      "Compares two results: what differs in the input, which kernels, collectives and phases explain the change of "
      "the "
      "iteration time (the rows sum to it), and what else moved. Scenarios are run first.");
  app.add_option("A", options->before, "A result.json, its folder, or a scenario (file or name)")
      ->required()
      ->option_text(" ");
  app.add_option("B", options->after, "What to compare it with")->required()->option_text(" ");
  declare_set(app, options->scenario);
  declare_fidelity(app, options->scenario);
  app.add_flag("--json", options->json, "Print one JSON document (keys carry units), and nothing else");
  declare_library(app, options->scenario);
  app.footer(
      "--set and --fidelity apply to every scenario that is run, A and B alike, and not to results.\n"
      "To change one side, compare with a result of it:\n"
      "  orrery run SCENARIO --set /jobs/0/plan/tensor=4 --out changed && orrery compare SCENARIO changed\n"
      "\n"
      "Examples:\n"
      "  orrery compare before/result.json after/result.json\n"
      "  orrery compare megatron-175b-64-a100-full megatron-175b-64-a100-selective\n"
      "\n"
      "Exit codes: 0 done, 1 internal or I/O error, 2 bad input, 130 interrupted.");
  return [options, &invocation] { return compare(*options, invocation); };
}

}  // namespace orrery
