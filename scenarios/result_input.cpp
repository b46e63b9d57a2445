#include "scenarios/result_input.hpp"

#include <algorithm>

#include "scenarios/console.hpp"
#include "scenarios/run_scenario.hpp"

namespace orrery {
namespace {

bool is_job(const Json& job) {
  return job.is_object() && job.contains("name") && job["name"].is_string() && job.contains("metrics") &&
         job["metrics"].is_object();
}

bool is_point(const Json& point) {
  return point.is_object() && point.contains("devices") && point["devices"].is_number() && point.contains("metrics");
}

Json simulate(const std::string& file_or_name, const ScenarioOptions& options, const Library& library) {
  const LoadedScenario loaded = options.load(file_or_name, library);
  const Progress progress("orrery: simulating " + file_or_name);
  return options.naming_assignments(loaded, library, [&] {
    return result_json(loaded.scenario, run_scenario(loaded.scenario, loaded.file(), loaded.beside(library)));
  });
}

}  // namespace

bool is_result(const Json& document) {
  if (!document.is_object() || !document.contains("jobs") || !document.contains("scenario")) return false;
  const Json &jobs = document["jobs"], &scenario = document["scenario"];
  return jobs.is_array() && !jobs.empty() && std::all_of(jobs.begin(), jobs.end(), is_job) && scenario.is_object();
}

bool is_scaling(const Json& document) {
  if (!document.is_object() || !document.contains("scaling") || !document.contains("points")) return false;
  const Json& points = document["points"];
  return document["scaling"].is_string() && points.is_array() && std::all_of(points.begin(), points.end(), is_point);
}

ResultInput load_result(const std::string& file_or_name, const ScenarioOptions& options, const Library& library) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path file = file_or_name;
  if (fs::is_directory(file, error)) file /= "result.json";
  if (!fs::exists(file, error)) return {file_or_name, simulate(file_or_name, options, library)};
  Json document = read_json(file);
  if (is_result(document) || is_scaling(document)) return {file_or_name, std::move(document)};
  const bool scenario = document.is_object() && document.contains("orrery") && document["orrery"] == "scenario/1";
  if (!scenario)
    throw SpecError(file.string(), "", "a result of `orrery run` (or its folder), or a scenario",
                    document.is_object() ? "another document" : document.type_name());
  return {file_or_name, simulate(file_or_name, options, library)};
}

}  // namespace orrery
