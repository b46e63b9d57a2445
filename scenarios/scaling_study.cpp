#include "scenarios/scaling_study.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include <fmt/format.h>

#include "analysis/metrics_from_json.hpp"
#include "analysis/report.hpp"
#include "scenarios/run_scenario.hpp"
#include "scenarios/workers.hpp"

namespace orrery {
namespace {

constexpr const char* out_of_memory =
    "the simulation ran out of memory; fewer --jobs or `--fidelity analytic` need less";

// Runs in a process of its own; what comes back is text.
std::string simulate_point(const ScaledScenario& size, const Scenario& base, const std::string& file,
                           const Library& library) {
  Json answer;
  try {
    Scenario scenario = read_spec<Scenario>(size.document, file, library);
    scenario.jobs.front().collectives = base.jobs.front().collectives;  // whose files are read
    const ScenarioRun run = run_scenario(scenario, file, library);
    answer["metrics"] = metrics_json(run.metrics)["jobs"][0]["metrics"];
    answer["warnings"] = run.warnings;
  } catch (const SpecError& error) {
    const Fault& fault = error.faults().front();
    answer["impossible"] = fmt::format("{}: expected {}, found {}", fault.pointer, fault.expected, fault.found);
  } catch (const std::bad_alloc&) {
    answer["impossible"] = out_of_memory;
  } catch (const std::exception& error) {
    answer["failed"] = error.what();
  }
  return answer.dump();
}

void take_answer(ScalingPoint& point, const std::string& text) {
  const Json answer = Json::parse(text);
  if (answer.contains("failed"))
    throw std::runtime_error(fmt::format("{} devices: {}", point.devices, answer["failed"].get<std::string>()));
  if (answer.contains("impossible")) {
    point.reason = answer["impossible"].get<std::string>();
    return;
  }
  point.result = answer["metrics"];
  point.metrics = job_metrics_from_json("train", point.result);
  point.simulated = point.metrics.iteration_s > 0;
  point.feasible = point.simulated && point.metrics.feasible;
  for (const Json& warning : answer["warnings"]) point.warnings.push_back(warning.get<std::string>());
  if (!point.simulated) point.reason = "no iteration was completed";
  if (point.simulated && !point.metrics.feasible)
    point.reason = fmt::format("does not fit: {} short per {}", human(Bytes(point.metrics.shortfall_bytes)),
                               point.metrics.short_pool() ? "memory pool" : "device");
}

// Device-seconds per sequence by what they were spent on. Compute is told apart into what the host takes to launch, the
// optimizer (which data parallelism does not divide) and all other kernels, whose total work does not depend on the size.
std::vector<Growth> spent(const ScalingPoint& point) {
  const StageMetrics& mean = point.metrics.mean;
  std::vector<Growth> parts = {{"bubble", mean.bubble_s},
                               {"waiting for slower devices or links", mean.waiting_s},
                               {"other", mean.other_s - mean.waiting_s}};
  double launch = 0, optimizer = 0;
  for (const auto& [kernel, time] : mean.compute_by_kernel_s) {
    if (kernel == "host launch") launch += time;
    if (kernel == "optimizer") optimizer += time;
  }
  parts.push_back({"host launch", launch});
  parts.push_back({"optimizer step", optimizer});
  parts.push_back({"small kernels", mean.compute_s - launch - optimizer});
  for (const auto& [collective, time] : mean.exposed_by_collective_s) parts.push_back({"exposed " + collective, time});
  const double per_sequence = static_cast<double>(point.devices) / point.sequences;
  for (Growth& part : parts) part.share *= per_sequence;
  return parts;
}

double of(const std::vector<Growth>& parts, const std::string& name) {
  for (const Growth& part : parts)
    if (part.name == name) return part.share;
  return 0;
}

std::vector<Growth> growths(const ScalingPoint& point, const ScalingPoint& base) {
  const std::vector<Growth> now = spent(point), then = spent(base);
  double whole = 0;
  for (const Growth& part : then) whole += part.share;
  std::vector<Growth> all;
  for (const Growth& part : now) all.push_back({part.name, (part.share - of(then, part.name)) / whole});
  for (const Growth& part : then)
    if (std::none_of(now.begin(), now.end(), [&](const Growth& g) { return g.name == part.name; }))
      all.push_back({part.name, -part.share / whole});
  std::stable_sort(all.begin(), all.end(), [](const Growth& a, const Growth& b) { return a.share > b.share; });
  return all;
}

std::int64_t default_baseline(const ScalingStudy& study) {
  for (const ScalingPoint& point : study.points)
    if (point.feasible) return point.devices;
  for (const ScalingPoint& point : study.points)
    if (point.simulated) return point.devices;
  return 0;
}

void simulate_all(ScalingStudy& study, const std::vector<ScaledScenario>& sizes, const Scenario& base,
                  const std::string& file, const Library& library, int jobs) {
  std::vector<std::size_t> order;  // the largest first: they take longest
  for (std::size_t i = sizes.size(); i-- > 0;)
    if (sizes[i].impossible.empty()) order.push_back(i);
  const auto answers = run_in_workers(
      order.size(), jobs, [&](std::size_t i) { return simulate_point(sizes[order[i]], base, file, library); }, {});
  for (std::size_t i = 0; i < order.size(); ++i) {
    ScalingPoint& point = study.points[order[i]];
    if (answers[i])
      take_answer(point, *answers[i]);
    else
      point.reason = "the simulation was killed, as one that needs too much memory is; fewer --jobs need less";
  }
}

}  // namespace

void compare_with_baseline(ScalingStudy& study, std::int64_t baseline) {
  study.baseline = baseline;
  const auto base = std::find_if(study.points.begin(), study.points.end(),
                                 [&](const ScalingPoint& p) { return p.devices == baseline && p.simulated; });
  if (base == study.points.end()) return;
  const auto rate = [](const ScalingPoint& p) { return p.metrics.samples_per_s / static_cast<double>(p.devices); };
  for (ScalingPoint& point : study.points) {
    if (!point.simulated) continue;
    point.efficiency = rate(point) / rate(*base);
    point.result["scaling_efficiency"] = *point.efficiency;
    point.growths = point.devices == baseline ? std::vector<Growth>{} : growths(point, *base);
  }
}

ScalingStudy run_scaling(const Scenario& scenario, const std::string& file, const Library& library,
                         const ScalingRequest& request) {
  check_scalable(scenario, file);
  ScalingStudy study;
  study.name = scenario.name;
  study.mode = request.mode;
  std::vector<std::int64_t> counts = request.devices;
  if (request.baseline) counts.push_back(*request.baseline);
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  std::vector<ScaledScenario> sizes;
  for (const std::int64_t devices : counts) {
    sizes.push_back(scaled(scenario, devices, request.mode));
    ScalingPoint point;
    point.devices = devices;
    point.nodes = sizes.back().nodes;
    point.reason = sizes.back().impossible;
    point.changes = sizes.back().changes;
    if (point.reason.empty()) point.sequences = sizes.back().document["jobs"][0]["batch"]["global"].get<double>();
    study.points.push_back(std::move(point));
  }
  simulate_all(study, sizes, scenario, file, library, request.jobs);
  const std::int64_t baseline = request.baseline.value_or(default_baseline(study));
  for (const ScalingPoint& point : study.points)
    if (request.baseline && point.devices == baseline && !point.simulated)
      throw std::invalid_argument(fmt::format("{} devices cannot be simulated: {}", baseline, point.reason));
  compare_with_baseline(study, baseline);
  return study;
}

}  // namespace orrery
