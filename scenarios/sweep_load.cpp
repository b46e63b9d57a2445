// Reading a sweep and finding what is wrong with it before anything is simulated.
#include <algorithm>

#include <fmt/format.h>

#include "analysis/report.hpp"
#include "scenarios/store_sha256.hpp"
#include "scenarios/sweep.hpp"
#include "scenarios/unknown_key.hpp"
#include "scenarios/version.hpp"
#include "sim/catalog.hpp"
#include "sim/error.hpp"
#include "sim/whole_file.hpp"

namespace orrery {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t looked_at = 64;  // points read before a sweep starts, to find axes that point nowhere

const std::vector<std::string> usual_metrics = {
    "iteration_s", "tokens_per_s_per_device", "mfu",     "exposed_communication_s",
    "bubble_s",    "memory_peak_bytes",       "energy_J"};

fs::path find_sweep(const std::string& file_or_name, const Library& library) {
  std::error_code ignored;
  const bool name = file_or_name.find('/') == std::string::npos && !fs::path(file_or_name).has_extension();
  const bool there = fs::exists(file_or_name, ignored) && !fs::is_directory(file_or_name, ignored);
  if (there || !name) return file_or_name;
  const fs::path named = library.find("scenarios/library/sweeps", file_or_name);
  if (!named.empty()) return named;
  const bool scenario = !library.find("scenarios", file_or_name).empty();
  const std::vector<std::string> known = library.names("scenarios/library/sweeps");
  throw SpecError(
      file_or_name, "",
      fmt::format("a sweep file (docs/sweeps.md) or the name of a shipped sweep ({})", fmt::join(known, ", ")),
      scenario ? quote(file_or_name) + ", which is a scenario: a sweep file names it as its \"base\""
               : quote_unknown(file_or_name, known));
}

// Lists that would be taken for absent ones.
void refuse_empty_lists(const Json& document, const std::string& file) {
  std::vector<Fault> faults;
  const auto look = [&](const Json& object, const char* key, const std::string& pointer, const char* expected) {
    const auto it = object.find(key);
    if (it != object.end() && it->is_array() && it->empty())
      faults.push_back({file, pointer + "/" + key, expected, "an empty list"});
  };
  if (!document.is_object()) return;
  look(document, "metrics", "", "at least one metric, or no \"metrics\" for the usual ones");
  if (const auto axes = document.find("axes"); axes != document.end() && axes->is_array())
    for (std::size_t i = 0; i < axes->size(); ++i)
      if ((*axes)[i].is_object()) look((*axes)[i], "zip", fmt::format("/axes/{}", i), "at least one axis");
  if (!faults.empty()) throw SpecError(faults);
}

ScenarioDocument load_base(const SweepSpec& spec, const fs::path& file, const Library& library) {
  ScenarioDocument base;
  if (spec.base.is_object()) {
    base = {spec.base, file};
  } else if (spec.base.is_string()) {
    const std::string name = spec.base.get<std::string>();
    std::error_code ignored;
    const fs::path beside = file.parent_path() / name;
    const bool here = fs::is_regular_file(beside, ignored);
    const bool known = here || fs::is_regular_file(name, ignored) || !library.find("scenarios", name).empty();
    if (!known)
      throw SpecError(file.string(), "/base", "the name or file of a scenario",
                      quote_unknown(name, library.names("scenarios")));
    base = load_scenario_document(here ? beside.string() : name, library);
  } else {
    throw SpecError(file.string(), "/base", "the name or file of a scenario, or a scenario", spec.base.dump());
  }
  if (base.json.is_object() && !base.json.contains("simulate")) base.json["simulate"] = Json::object();
  return base;
}

std::vector<std::string> scalar_keys(const Json& metrics) {
  std::vector<std::string> keys;
  for (const auto& entry : metrics.items())
    if (!entry.value().is_structured()) keys.push_back(entry.key());
  return keys;
}

// Metrics that the file does not name have columns all the same.
void refuse_names_of_metrics(const Sweep& sweep) {
  std::vector<Fault> faults;
  for (const SweepColumn& column : sweep.points.columns)
    if (std::find(sweep.metrics.begin(), sweep.metrics.end(), column.name) != sweep.metrics.end())
      faults.push_back({sweep.file, column.pointer + "/name", "a name that no metric and no column of the results has",
                        quote(column.name)});
  if (!faults.empty()) throw SpecError(faults);
}

// Whether a result can have a value there: as `blank` has it, whose lists stand for any length but that of the jobs, and whose
// empty objects for any keys (kernels, collectives), which only a run knows.
bool may_hold(const Json& blank, Json::json_pointer pointer) {
  std::vector<std::string> keys;
  for (; !pointer.empty(); pointer.pop_back()) keys.push_back(pointer.back());
  const Json* at = &blank;
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
    if (at->is_array()) {
      const bool number = !key->empty() && key->size() < 10 &&
                          key->find_first_not_of("0123456789") == std::string::npos &&
                          (key->front() != '0' || key->size() == 1);
      if (!number || at->empty()) return false;
      const std::size_t n = std::stoul(*key);
      if (at == &blank["jobs"] && n >= at->size()) return false;
      at = &(*at)[std::min(n, at->size() - 1)];
    } else if (at->is_object() && at->empty()) {
      return key + 1 == keys.rend();
    } else if (at->is_object() && at->contains(*key)) {
      at = &(*at)[*key];
    } else {
      return false;
    }
  }
  return true;
}

// Which metrics there are is known from an empty result with as many jobs and all of its optional parts.
void check_metrics(Sweep& sweep) {
  const std::size_t jobs = sweep.base.json.is_object() && sweep.base.json.contains("jobs")
                               ? sweep.base.json["jobs"].size()
                               : 1;
  Metrics empty;
  JobMetrics job;
  job.iteration_s = 1;
  job.cost.emplace();
  job.reliability.emplace();
  job.memory_pools.emplace();
  job.stages.emplace_back();
  job.iterations_s.push_back(1);
  empty.jobs.assign(std::max<std::size_t>(jobs, 1), job);
  const Json result = metrics_json(empty);
  const std::vector<std::string> keys = scalar_keys(result["metrics"]);
  if (sweep.spec.metrics.empty()) {
    for (const std::string& key : usual_metrics)
      if (jobs <= 1) sweep.metrics.push_back(key);
    for (std::size_t j = 0; j < jobs && jobs > 1; ++j)
      sweep.metrics.push_back(fmt::format("/jobs/{}/metrics/iteration_s", j));
    refuse_names_of_metrics(sweep);
    return;
  }
  std::vector<Fault> faults;
  for (std::size_t m = 0; m < sweep.spec.metrics.size(); ++m) {
    const std::string& name = sweep.spec.metrics[m];
    const std::string pointer = fmt::format("/metrics/{}", m);
    const auto& before = sweep.metrics;
    if (std::find(before.begin(), before.end(), name) != before.end())
      faults.push_back({sweep.file, pointer, "each metric once", quote(name) + " a second time"});
    else if (name.starts_with('/') ? false : std::find(keys.begin(), keys.end(), name) == keys.end())
      faults.push_back(
          {sweep.file, pointer, "a metric of the result, or a JSON pointer into it", quote_unknown(name, keys)});
    sweep.metrics.push_back(name);
    if (!name.starts_with('/')) continue;
    try {
      if (!may_hold(result, Json::json_pointer(name)))
        faults.push_back({sweep.file, pointer, "a JSON pointer such as /jobs/0/metrics/iteration_s", quote(name)});
    } catch (const Json::exception&) {
      faults.push_back({sweep.file, pointer, "a JSON pointer", quote(name)});
    }
  }
  if (!faults.empty()) throw SpecError(faults);
}

// Whether a fault is about the value of a column: at its path, below it, or at a key above it that does not exist.
bool blames(const Fault& fault, const SweepColumn& column, const Sweep& sweep) {
  if (column.path.empty()) return false;
  if (fault.file == sweep.file && fault.pointer == column.pointer + "/path") return true;
  const std::string place = fault.pointer + "/", path = column.path + "/";
  return fault.file == sweep.base.file.string() &&
         (place.starts_with(path) || (is_unknown_key(fault) && path.starts_with(place)));
}

// Evenly spread points are read, not simulated. A column whose value is refused at its own path by all of them points
// nowhere, or has no value that is possible; what only some refuse is for their rows to say.
void check_columns(const Sweep& sweep) {
  std::vector<std::optional<Fault>> refused(sweep.points.columns.size());
  std::vector<bool> accepted(refused.size(), false);
  std::vector<Fault> whole;  // of the first point that cannot be read for another reason
  bool readable = false;
  const std::size_t step = sweep.size() / looked_at + 1;
  for (std::size_t point = 0; point < sweep.size(); point += step) {
    std::vector<Fault> faults;
    try {
      read_scenario(scenario_at(sweep, point), sweep.library);
      readable = true;
    } catch (const SpecError& error) {
      faults = error.faults();
    }
    bool blamed = false;
    for (std::size_t c = 0; c < refused.size(); ++c) {
      const SweepColumn& column = sweep.points.columns[c];
      const auto it = std::find_if(faults.begin(), faults.end(),
                                   [&](const Fault& f) { return blames(f, column, sweep); });
      if (it == faults.end())
        accepted[c] = true;
      else if (!refused[c])
        refused[c] = *it;
      blamed = blamed || it != faults.end();
    }
    if (!faults.empty() && !blamed && whole.empty()) whole = faults;
  }
  std::vector<Fault> faults;
  for (std::size_t c = 0; c < refused.size(); ++c)
    if (refused[c] && !accepted[c])
      faults.push_back(
          {sweep.file, sweep.points.columns[c].pointer + "/path",
           fmt::format("a path to a value of the base scenario that may be so ({} expected at {})",
                       refused[c]->expected,
                       refused[c]->file == sweep.file ? sweep.points.columns[c].path : refused[c]->pointer),
           refused[c]->found});
  if (faults.empty() && !readable && !whole.empty()) faults = whole;
  if (!faults.empty()) throw SpecError(faults);
}

}  // namespace

Sweep load_sweep(const std::string& file_or_name, const Library& library, double limit) {
  Sweep sweep;
  const fs::path file = find_sweep(file_or_name, library);
  sweep.file = file.string();
  const Json document = read_json(file);
  refuse_empty_lists(document, sweep.file);
  sweep.spec = read_spec<SweepSpec>(document, sweep.file, library);
  if (sweep.spec.name.empty()) sweep.spec.name = file.stem().string();
  const double stated = static_cast<double>(sweep.spec.limit.value_or(static_cast<std::int64_t>(usual_point_limit)));
  sweep.points = expand(sweep.spec, sweep.file, limit > 0 ? limit : stated);
  sweep.base = load_base(sweep.spec, file, library);
  const fs::path folder = sweep.base.file.parent_path();
  sweep.library = library.with_front(folder.empty() ? "." : folder);
  check_metrics(sweep);
  check_columns(sweep);
  return sweep;
}

ScenarioDocument scenario_at(const Sweep& sweep, std::size_t point) {
  ScenarioDocument document = sweep.base;
  for (std::size_t c = 0; c < sweep.points.columns.size(); ++c) {
    const SweepColumn& column = sweep.points.columns[c];
    if (column.path.empty()) continue;
    try {
      set_value(document.json, column.path + "=" + sweep.points.values[point][c].dump(), sweep.file);
    } catch (const SpecError& error) {
      const Fault& fault = error.faults().front();
      throw SpecError(sweep.file, column.pointer + "/path", fault.expected, fault.found);
    }
  }
  return document;
}

StoreIdentity identify(const Sweep& sweep) {
  StoreIdentity identity;
  identity.name = sweep.spec.name;
  Json document = read_json(sweep.file);
  identity.sweep = document.dump();
  for (const char* no_matter : {"name", "description", "sources", "limit"}) document.erase(no_matter);
  std::string all = document.dump() + '\n' + sweep.base.json.dump();
  for (const std::string& name : sweep.library.names("calibration"))
    all += '\n' + whole_file(sweep.library.find("calibration", name)).value_or("");
  // The one that simulations use.
  all += '\n' + whole_file(Library::installed().find("calibration", "collectives")).value_or("");
  identity.sweep_sha256 = sha256(all);
  identity.orrery = version();
  identity.binary_sha256 = sha256(whole_file("/proc/self/exe").value_or(""));
  identity.points = sweep.size();
  for (const SweepColumn& column : sweep.points.columns) identity.inputs.push_back(column.name);
  identity.metrics = sweep.metrics;
  return identity;
}

}  // namespace orrery
