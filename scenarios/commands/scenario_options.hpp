// What every command that reads scenarios shares: where names are looked up (--library) and edits of the document before
// it is read (--set, --fidelity).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/spec.hpp"

namespace CLI {
class App;
}

namespace orrery {

struct LoadedScenario {
  ScenarioDocument original;  // as the file has it
  Scenario scenario;
  std::string file() const { return original.file.string(); }
  // Where names are looked up: beside the scenario first.
  Library beside(const Library&) const;
};

struct ScenarioOptions {
  std::vector<std::string> assignments;  // "/json/pointer=VALUE"
  std::string fidelity;                  // "" = as the scenario says
  std::string library;                   // a folder to search before the shipped data

  Library find_library() const;
  // Reads the scenario with all edits. Faults of several edits are reported together; a fault of an edited value says so.
  LoadedScenario load(const std::string& file_or_name, const Library&) const;
  // The document of load() with all edits, for what reads it again.
  ScenarioDocument edited_document(const LoadedScenario&) const;
  // Runs `f`; faults that it throws say which edits cause them.
  template <class F> auto naming_assignments(const LoadedScenario& loaded, const Library& from, F f) const {
    try {
      return f();
    } catch (const SpecError& error) {
      if (assignments.empty()) throw;
      throw blamed(error, loaded, from);
    }
  }
  // One warning for each edit without which the resolved scenario would be the same.
  std::vector<std::string> idle_assignments(const LoadedScenario&, const Library&) const;

 private:
  SpecError blamed(const SpecError&, const LoadedScenario&, const Library&) const;
};

void declare_library(CLI::App&, ScenarioOptions&);
void declare_set(CLI::App&, ScenarioOptions&);
void declare_fidelity(CLI::App&, ScenarioOptions&);

}  // namespace orrery
