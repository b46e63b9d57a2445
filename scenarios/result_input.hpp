// What a command that takes results accepts: a result.json, the folder of `orrery run --out`, or a scenario (file or
// name), which is then run. Also the document of `orrery scale --json`, for commands that say so.
#pragma once

#include <string>
#include <vector>

#include "scenarios/commands/scenario_options.hpp"
#include "sim/json.hpp"

namespace orrery {

struct ResultInput {
  std::string name;  // how messages and tables call it
  Json document;
};

bool is_result(const Json&);   // "jobs" with metrics, and "scenario"
bool is_scaling(const Json&);  // "scaling" and "points"

// Throws SpecError for what is none of these.
ResultInput load_result(const std::string& file_or_name, const ScenarioOptions&, const Library&);

}  // namespace orrery
