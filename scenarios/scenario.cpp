#include "scenarios/scenario.hpp"

#include <cmath>

#include "scenarios/partial_scenario.hpp"
#include "sim/catalog.hpp"

namespace orrery {

void fields(Fields& f, Placement& p) {
  f("first", p.first, Need::optional, non_negative);
  f.required("count", p.count, at_least_one);
}

void fields(Fields& f, JobSpec& j) {
  f("name", j.name);
  f.part("model", "networks", j.model);
  f("precision", j.precision);
  f.required("batch", j.batch);
  f("plan", j.plan);
  f.part("software", "software", j.software);
  f.part("optimizer", "optimizers", j.optimizer, Need::optional);
  f("collectives", j.collectives);
  f("placement", j.placement);
  f("training_tokens", j.training_tokens, Need::optional, positive);
  const double tokens = j.training_tokens.value_or(1);
  f.check(tokens == std::floor(tokens), "training_tokens", "a whole number", fmt::format("{}", tokens));
}

void fields(Fields& f, SimulateSpec& s) {
  f("fidelity", s.fidelity);
  f("iterations", s.iterations, Need::optional, Range{1, 1000});
  f("fold", s.fold);
  f("collective_detail", s.collective_detail);
}

void fields(Fields& f, Scenario& s) {
  f.required("orrery", s.format);
  f.check(s.format == "scenario/1", "orrery", "\"scenario/1\"", "\"" + s.format + "\"");
  f("name", s.name);
  f("description", s.description);
  f.part("cluster", "clusters", s.cluster);
  f("jobs", s.jobs, Need::required);
  f.check(!s.jobs.empty(), "jobs", "at least one job", "none");
  f("simulate", s.simulate);
  if (f.reading() && !s.simulate.iterations)
    s.simulate.iterations = s.jobs.size() > 1 && s.simulate.fidelity == Fidelity::flow ? 4 : 1;
  f("cost", s.cost);
  f("reliability", s.reliability);
  f.raw("sources", s.sources);
}

ScenarioDocument load_scenario_document(const std::string& file_or_name, const Library& library) {
  std::filesystem::path file = file_or_name;
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(file, ignored);  // as `orrery run NAME --out NAME` leaves one
  const bool there = std::filesystem::exists(file, ignored) && !folder;
  if (!there && file_or_name.find('/') == std::string::npos && !file.has_extension()) {
    file = library.find("scenarios", file_or_name);
    if (file.empty() && folder) return {read_json(file_or_name), file_or_name};  // says that it is a folder
    if (file.empty())
      throw SpecError(file_or_name, "", "a scenario file or the name of a shipped scenario (`orrery list scenarios`)",
                      quote_unknown(file_or_name, library.names("scenarios")));
  }
  return {read_json(file), file};
}

Scenario read_scenario(const ScenarioDocument& document, const Library& library) {
  const auto folder = document.file.parent_path();
  const std::string file = document.file.string();
  Scenario scenario;
  std::vector<Fault> faults;
  try {
    detail::read_fields(document.json, file, library.with_front(folder.empty() ? "." : folder), {},
                        detail::fields_of(scenario));  // read_spec() would keep what it could read to itself
  } catch (const SpecError& error) {
    faults = error.faults();
  }
  anchor_files(scenario.cluster, folder);
  for (std::size_t j = 0; j < scenario.jobs.size(); ++j)
    load_schedules(scenario.jobs[j].collectives, folder, file, fmt::format("/jobs/{}/collectives", j), faults);
  if (faults.empty()) return scenario;
  for (Fault& fault : faults_of_readable_parts(scenario, file, faults)) faults.push_back(std::move(fault));
  throw SpecError(std::move(faults));
}

}  // namespace orrery
