#include "scenarios/commands/check.hpp"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/run_scenario.hpp"

namespace orrery {

namespace {

struct CheckOptions {
  ScenarioOptions scenario;
  std::vector<std::string> names;
};

std::string plural(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

int check(const CheckOptions& options) {
  const Library library = options.scenario.find_library();
  std::vector<Fault> faults;
  std::string lines;
  for (const std::string& name : options.names) {
    try {
      const LoadedScenario loaded = options.scenario.load(name, library);
      const ScenarioSummary found = options.scenario.naming_assignments(
          loaded, library, [&] { return check_scenario(loaded.scenario, loaded.file(), loaded.beside(library)); });
      lines += fmt::format("{}: OK: {}, {}, {}\n", name, plural(found.devices, "device"), plural(found.jobs, "job"),
                           plural(found.ranks, "rank"));
    } catch (const SpecError& error) {
      faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    }
  }
  print(lines);
  if (!faults.empty()) throw SpecError(faults);
  return exit_done;
}

}  // namespace

CommandAction declare_check(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<CheckOptions>();
  app.description(
      "Reads scenarios, builds their clusters and places their jobs, without simulating. Reports every fault of every "
      "file: the file, the JSON pointer, what was expected and what was found. Whether a model fits in memory, and "
      "whether optical circuits suffice for what its job sends, only `orrery run` tells.");
  app.add_option("SCENARIO", options->names, "Scenario files, or names of shipped scenarios")->required();
  declare_set(app, options->scenario);
  declare_library(app, options->scenario);
  app.footer("Example:\n  orrery check my.json other.json\n\nExit codes: 0 all are good, 2 at least one has faults.");
  return [options] { return check(*options); };
}

}  // namespace orrery
