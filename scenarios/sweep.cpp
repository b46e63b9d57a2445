#include "scenarios/sweep.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>
#include <random>

#include <fmt/format.h>

#include "analysis/report.hpp"
#include "kernels/collectives/costs.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/run_scenario.hpp"
#include "scenarios/store_sha256.hpp"
#include "scenarios/version.hpp"
#include "scenarios/workers.hpp"
#include "sim/engine.hpp"
#include "sim/error.hpp"
#include "sim/library_lookups.hpp"
#include "sim/whole_file.hpp"

namespace orrery {

namespace {

// Without the folder of the scenario: the same sweep gives the same text wherever its files lie.
std::string reason_of(const SpecError& error, const Sweep& sweep) {
  std::string text;
  for (const Fault& fault : error.faults()) {
    const bool elsewhere = fault.file != sweep.base.file.string();
    text += fmt::format("{}{}at {}: expected {}, found {}", text.empty() ? "" : "; ",
                        elsewhere ? std::filesystem::path(fault.file).filename().string() + ": " : "",
                        fault.pointer.empty() ? "the top" : fault.pointer, fault.expected, fault.found);
  }
  return text;
}

Json metric(const Json& document, const std::string& name) {
  if (!name.starts_with('/')) return document["metrics"].value(name, Json());
  const Json::json_pointer pointer(name);
  return document.contains(pointer) ? document[pointer] : Json();
}

std::string shortfall(const Metrics& metrics) {
  const JobMetrics* worst = nullptr;
  for (const JobMetrics& job : metrics.jobs)
    if (!worst || job.shortfall_bytes > worst->shortfall_bytes) worst = &job;
  if (!worst) return "does not fit in memory";
  if (const MemoryPoolMetrics* pool = worst->short_pool())
    return fmt::format("does not fit in memory: {} needs {} of memory pool {}, {} ({:.0f} bytes) short", worst->name,
                       human(Bytes(pool->peak_bytes)), pool->name, human(Bytes(worst->shortfall_bytes)),
                       worst->shortfall_bytes);
  return fmt::format("does not fit in memory: {} needs {} on its fullest device, {} ({:.0f} bytes) short", worst->name,
                     human(Bytes(worst->mean.memory_peak_bytes)), human(Bytes(worst->shortfall_bytes)),
                     worst->shortfall_bytes);
}

void simulate(const Sweep& sweep, StoredPoint& row) {
  const ScenarioDocument document = scenario_at(sweep, row.point);
  const Scenario scenario = read_scenario(document, sweep.library);
  row.scenario = write_spec(scenario).dump();
  row.scenario_sha256 = sha256(row.scenario);
  const ScenarioRun run = run_scenario(scenario, document.file.string(), sweep.library);
  const Json metrics = metrics_json(run.metrics);
  for (const std::string& name : sweep.metrics) row.metrics[name] = metric(metrics, name);
  row.warnings = run.warnings;
  row.status = run.metrics.feasible() ? "ok" : "infeasible";
  if (!run.metrics.feasible()) row.reason = shortfall(run.metrics);
}

// "" for a file that is not there. Files are hashed once for each of their states.
std::string hash_of_file(const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  static std::map<std::pair<std::string, fs::file_time_type>, std::string> known;
  std::error_code error;
  const fs::file_time_type time = file.empty() ? fs::file_time_type() : fs::last_write_time(file, error);
  if (file.empty() || error) return "";
  std::string& hash = known[{file.string(), time}];
  if (hash.empty()) hash = sha256(whole_file(file).value_or(""));
  return hash;
}

// Where what LibraryLookups calls so lies for this sweep.
std::filesystem::path file_called(const std::string& name, const Sweep& sweep) {
  if (name.starts_with("file/")) return sweep.base.file.parent_path() / name.substr(5);
  const std::size_t slash = name.rfind('/');
  return sweep.library.find(name.substr(0, slash), name.substr(slash + 1));
}

Json inputs_at(const Sweep& sweep, std::size_t point) {
  Json inputs = Json::object();
  for (std::size_t c = 0; c < sweep.points.columns.size(); ++c)
    inputs[sweep.points.columns[c].name] = sweep.points.values[point][c];
  return inputs;
}

// For the pipe from a worker.
std::string packed(const StoredPoint& p) {
  const Json row = {{"status", p.status},     {"reason", p.reason},     {"metrics", p.metrics},
                    {"warnings", p.warnings}, {"scenario", p.scenario}, {"scenario_sha256", p.scenario_sha256},
                    {"wall_s", p.wall_s},     {"data", p.data}};
  return line_text(row);
}

StoredPoint unpacked(const Sweep& sweep, std::size_t point, const std::string& text) {
  const Json row = parse_json(text, "answer of a worker");
  StoredPoint p;
  p.point = point;
  p.status = row["status"];
  p.reason = row["reason"];
  p.inputs = inputs_at(sweep, point);
  p.metrics = row["metrics"];
  p.warnings = row["warnings"];
  p.scenario = row["scenario"];
  p.scenario_sha256 = row["scenario_sha256"];
  p.orrery = version();
  p.wall_s = row["wall_s"];
  p.data = row["data"].get<std::map<std::string, std::string>>();
  return p;
}

StoredPoint lost(const Sweep& sweep, std::size_t point, const std::string& death) {
  StoredPoint p;
  p.point = point;
  p.status = "failed";
  p.reason = fmt::format("the process that simulated it {}{}", death.starts_with("killed") ? "was " : "", death);
  p.inputs = inputs_at(sweep, point);
  p.metrics = Json::object();
  p.warnings = Json::array();
  p.orrery = version();
  return p;
}

}  // namespace

std::string Shard::text() const { return fmt::format("{}/{}", index, count); }

std::vector<std::size_t> Shard::points_of(std::size_t total) const {
  std::vector<std::size_t> dealt(total), mine;
  std::iota(dealt.begin(), dealt.end(), std::size_t{0});
  std::mt19937_64 random(1);
  for (std::size_t i = total; i > 1; --i) std::swap(dealt[i - 1], dealt[random() % i]);
  for (std::size_t i = index - 1; i < total; i += count) mine.push_back(dealt[i]);
  std::sort(mine.begin(), mine.end());
  return mine;
}

StoredPoint simulate_at(const Sweep& sweep, std::size_t point) {
  const auto started = std::chrono::steady_clock::now();
  StoredPoint row;
  row.point = point;
  row.inputs = inputs_at(sweep, point);
  row.metrics = Json::object();
  row.warnings = Json::array();
  row.orrery = version();
  const LibraryLookups lookups;
  try {
    simulate(sweep, row);
  } catch (const SpecError& error) {
    row.status = "invalid";
    row.reason = reason_of(error, sweep);
  } catch (const KilledError& error) {
    row.status = "failed";
    row.reason = error.what();
  } catch (const std::bad_alloc&) {
    row.status = "failed";
    row.reason = "out of memory";
  } catch (const std::exception& error) {
    row.status = "failed";
    row.reason = error.what();
  }
  for (const auto& [name, file] : lookups.files()) row.data[name] = hash_of_file(file);
  row.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return row;
}

SweepCounts run_sweep(const Sweep& sweep, Store& store, Shard shard, int jobs, const std::function<bool()>& stopped,
                      const std::function<void(const StoredPoint&, const SweepCounts&)>& told) {
  const std::vector<bool> stored = store.stored();
  std::vector<std::size_t> wanted;
  SweepCounts counts;
  for (const std::size_t point : shard.points_of(sweep.size())) {
    ++counts.total;
    if (stored[point])
      ++counts.before;
    else
      wanted.push_back(point);
  }
  collective_calibration();  // comes from the installed data whatever the sweep's library is, and is part of its identity
  const auto task = [&](std::size_t item) { return packed(simulate_at(sweep, wanted[item])); };
  const auto received = [&](WorkerAnswer answer) {
    const std::size_t point = wanted[answer.item];
    const StoredPoint row = answer.text ? unpacked(sweep, point, *answer.text) : lost(sweep, point, answer.death);
    store.add(row);
    ++counts.done;
    counts.infeasible += row.status == "infeasible";
    counts.invalid += row.status == "invalid";
    counts.failed += row.status == "failed";
    told(row, counts);
    return !stopped();
  };
  if (!wanted.empty()) run_in_workers(wanted.size(), jobs, task, received, stopped);
  return counts;
}

void check_stored_data(const Sweep& sweep, const Store& store) {
  for (const auto& [name, hash] : store.data())
    if (hash_of_file(file_called(name, sweep)) != hash)
      throw SpecError(store.path().string(), "", "points of the data that the sweep reads now",
                      fmt::format("points of another state of {}: take a new --out folder", name));
}

}  // namespace orrery
