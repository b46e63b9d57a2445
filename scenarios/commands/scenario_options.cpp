#include "scenarios/commands/scenario_options.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/cli.hpp"
#include "scenarios/run_scenario.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

ScenarioDocument edited(ScenarioDocument document, const std::vector<std::string>& assignments,
                        const std::string& fidelity) {
  std::vector<Fault> faults;
  for (const std::string& assignment : assignments) {
    try {
      set_value(document.json, assignment, "--set " + assignment);
    } catch (const SpecError& error) {
      faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    }
  }
  if (!fidelity.empty() && document.json.is_object()) {
    Json& simulate = document.json["simulate"];
    if (simulate.is_null()) simulate = Json::object();
    if (simulate.is_object()) simulate["fidelity"] = fidelity;
  }
  if (!faults.empty()) throw SpecError(faults);
  return document;
}

// Where names are looked up below a library's folder.
constexpr std::string_view part_folders[] = {
    "models/hardware/accelerators", "models/hardware/hosts", "models/hardware/links", "models/hardware/memories",
    "models/hardware/network",      "models/hardware/nodes", "models/networks",       "models/optimizers",
    "models/reliability",           "models/software",       "kernels/calibration",   "scenarios/library",
    "scenarios/library/sweeps"};

// A folder in which nothing could ever be found is a mistake: one level too high or too low.
bool holds_parts(const std::filesystem::path& folder) {
  const Library alone({folder});
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".json") return true;
  return std::any_of(std::begin(part_folders), std::end(part_folders), [&alone](std::string_view kind) {
    constexpr std::string_view models = "models/";  // may be left out
    return !alone.names(kind.starts_with(models) ? kind.substr(models.size()) : kind).empty();
  });
}

}  // namespace

Library ScenarioOptions::find_library() const {
  const Library installed = Library::installed();
  if (library.empty()) return installed;
  std::error_code error;
  if (!std::filesystem::is_directory(library, error))
    throw UsageError(fmt::format("--library: expected a folder, found {}", quote(library)));
  if (!holds_parts(library))
    throw UsageError(fmt::format("--library: expected named parts, as NAME.json or under {}, found none in {}",
                                 fmt::join(part_folders, ", "), quote(library)));
  return installed.with_front(library);
}

LoadedScenario ScenarioOptions::load(const std::string& file_or_name, const Library& from) const {
  LoadedScenario loaded{load_scenario_document(file_or_name, from), {}};
  const ScenarioDocument document = edited(loaded.original, assignments, fidelity);
  naming_assignments(loaded, from, [&] { loaded.scenario = read_scenario(document, from); });
  return loaded;
}

ScenarioDocument ScenarioOptions::edited_document(const LoadedScenario& loaded) const {
  return edited(loaded.original, assignments, fidelity);
}

// A fault is an assignment's when it lies in the value assigned or is not there without it; when none alone makes the
// difference, all of them together do.
SpecError ScenarioOptions::blamed(const SpecError& error, const LoadedScenario& loaded, const Library& from) const {
  const auto places_without = [&](const std::vector<std::string>& kept) {
    std::set<std::pair<std::string, std::string>> places;
    try {
      const Scenario scenario = read_scenario(edited(loaded.original, kept, fidelity), from);
      check_scenario(scenario, loaded.file(), loaded.beside(from));
    } catch (const SpecError& other) {
      for (const Fault& fault : other.faults()) places.insert({fault.file, fault.pointer});
    }
    return places;
  };
  const auto untouched = places_without({});
  std::vector<Fault> faults = error.faults();
  std::vector<std::string> names(faults.size());
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    std::vector<std::string> others = assignments;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    const auto places = places_without(others);
    const std::string assigned = assignments[i].substr(0, assignments[i].find('=')) + "/";
    for (std::size_t f = 0; f < faults.size(); ++f) {
      const bool inside = faults[f].file == loaded.file() && (faults[f].pointer + "/").starts_with(assigned);
      if (inside || !places.contains({faults[f].file, faults[f].pointer})) names[f] += " --set " + assignments[i];
    }
  }
  for (std::size_t f = 0; f < faults.size(); ++f) {
    if (names[f].empty() && !untouched.contains({faults[f].file, faults[f].pointer}))
      for (const std::string& assignment : assignments) names[f] += " --set " + assignment;
    if (!names[f].empty()) faults[f].file += " with" + names[f];
  }
  return SpecError(std::move(faults));
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
                 "flow: links are shared in time (default); analytic: the critical path, each group of devices as if "
                 "only others "
                 "of its kind met it; faster")
      ->type_name("flow|analytic")
      ->check(CLI::Validator(known, ""));
}

}  // namespace orrery
