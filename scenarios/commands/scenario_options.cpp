#include "scenarios/commands/scenario_options.hpp"

#include <CLI/CLI.hpp>

#include "scenarios/cli.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

ScenarioDocument edited(ScenarioDocument document, const std::vector<std::string>& assignments,
                        const std::string& fidelity) {
  std::vector<Fault> faults;
  if (document.json.is_object() && !document.json.contains("simulate") && (!assignments.empty() || !fidelity.empty()))
    document
        .json["simulate"] = Json::object();  // so that --set reaches its options where a scenario leaves them all out
  for (const std::string& assignment : assignments) {
    try {
      set_value(document.json, assignment, "--set " + assignment);
    } catch (const SpecError& error) {
      faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    }
  }
  if (!fidelity.empty() && document.json.is_object() && document.json["simulate"].is_object())
    document.json["simulate"]["fidelity"] = fidelity;
  if (!faults.empty()) throw SpecError(faults);
  return document;
}

}  // namespace

Library ScenarioOptions::find_library() const {
  const Library installed = Library::installed();
  if (library.empty()) return installed;
  std::error_code error;
  if (!std::filesystem::is_directory(library, error))
    throw UsageError(fmt::format("--library: expected a folder, found {}", quote(library)));
  return installed.with_front(library);
}

LoadedScenario ScenarioOptions::load(const std::string& file_or_name, const Library& from) const {
  LoadedScenario loaded{load_scenario_document(file_or_name, from), {}};
  const ScenarioDocument document = edited(loaded.original, assignments, fidelity);
  try {
    loaded.scenario = read_scenario(document, from);
  } catch (const SpecError& error) {
    std::vector<Fault> faults = error.faults();
    for (Fault& fault : faults)
      for (const std::string& assignment : assignments) {
        const std::string pointer = assignment.substr(0, assignment.find('='));
        if (fault.file == loaded.file() && (fault.pointer + "/").starts_with(pointer + "/"))
          fault.file = fmt::format("{} with --set {}", loaded.file(), assignment);
      }
    throw SpecError(std::move(faults));
  }
  return loaded;
}

ScenarioDocument ScenarioOptions::edited_document(const LoadedScenario& loaded) const {
  return edited(loaded.original, assignments, fidelity);
}

std::vector<std::string> ScenarioOptions::idle_assignments(const LoadedScenario& loaded, const Library& from) const {
  std::vector<std::string> warnings;
  const Json with_all = assignments.empty() ? Json() : write_spec(loaded.scenario);
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    std::vector<std::string> others = assignments;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    try {
      if (write_spec(read_scenario(edited(loaded.original, others, fidelity), from)) == with_all)
        warnings.push_back(fmt::format("--set {} had no effect: the scenario is the same without it", assignments[i]));
    } catch (const SpecError&) {
      continue;  // the scenario cannot do without it
    }
  }
  return warnings;
}

Library LoadedScenario::beside(const Library& library) const {
  const std::filesystem::path folder = original.file.parent_path();
  return library.with_front(folder.empty() ? "." : folder);
}

void declare_library(CLI::App& app, ScenarioOptions& options) {
  app.add_option("--library", options.library, "A folder in which names are looked up before the shipped data")
      ->type_name("DIR");
}

void declare_set(CLI::App& app, ScenarioOptions& options) {
  app.add_option(
         "--set", options.assignments,
         "Change one value before the scenario is read, e.g. /jobs/0/plan/tensor=8; VALUE is JSON if it parses, "
         "else text; may be repeated")
      ->type_name("/POINTER=VALUE")
      ->allow_extra_args(false);
}

void declare_fidelity(CLI::App& app, ScenarioOptions& options) {
  const auto known = [](const std::string& word) {
    const std::vector<std::string> all(EnumNames<Fidelity>::names.begin(), EnumNames<Fidelity>::names.end());
    if (std::find(all.begin(), all.end(), word) != all.end()) return std::string();
    return fmt::format("expected \"flow\" or \"analytic\", found {}", quote_unknown(word, all));
  };
  app.add_option("--fidelity", options.fidelity,
                 "flow: links are shared in time (default); analytic: no contention, the critical path only, faster")
      ->type_name("flow|analytic")
      ->check(CLI::Validator(known, ""));
}

}  // namespace orrery
