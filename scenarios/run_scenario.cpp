#include "scenarios/run_scenario.hpp"

#include <algorithm>

#include "analysis/report.hpp"
#include "kernels/cost_models.hpp"
#include "models/power/fixed_clock.hpp"
#include "scenarios/error_bands.hpp"
#include "scenarios/idle_options.hpp"
#include "scenarios/version.hpp"
#include "sim/engine.hpp"

namespace orrery {

namespace {

// Impossible wiring is reported at its place in the scenario.
Cluster build(const ClusterSpec& spec, const std::string& file) {
  try {
    return build_cluster(spec);
  } catch (const SpecError& error) {
    std::vector<Fault> faults = error.faults();
    for (Fault& fault : faults) fault = {file, "/cluster" + fault.pointer, fault.expected, fault.found};
    throw SpecError(std::move(faults));
  }
}

struct PlacedJob {
  TrainingJob job;
  std::vector<DeviceId> devices;
};

// Devices of every job: stated, or the ones after the previous job, the last taking all that are left.
std::vector<DeviceId> place(const Scenario& scenario, std::size_t index, std::size_t available, std::size_t& next,
                            const std::string& file) {
  const JobSpec& job = scenario.jobs[index];
  const std::string pointer = fmt::format("/jobs/{}/placement", index);
  std::size_t first = next, count = available - std::min(next, available);
  if (job.placement) {
    first = static_cast<std::size_t>(job.placement->first);
    count = static_cast<std::size_t>(job.placement->count);
  } else if (index + 1 < scenario.jobs.size()) {
    throw SpecError(file, fmt::format("/jobs/{}", index),
                    "a \"placement\" (only the last job may take the devices that are left)", "none");
  }
  if (first + count > available || count == 0)
    throw SpecError(file, pointer, fmt::format("devices within the cluster's {}", available),
                    fmt::format("{} devices from number {}", count, first));
  next = first + count;
  std::vector<DeviceId> devices;
  for (std::size_t d = first; d < first + count; ++d) devices.emplace_back(d);
  return devices;
}

void check_overlap(const std::vector<PlacedJob>& jobs, std::size_t devices, const std::string& file) {
  std::vector<int> owner(devices, -1);
  for (std::size_t j = 0; j < jobs.size(); ++j)
    for (DeviceId d : jobs[j].devices) {
      if (owner[d.index()] >= 0)
        throw SpecError(file, fmt::format("/jobs/{}/placement", j), "devices that no other job uses",
                        fmt::format("device {} of job {}", d.value, owner[d.index()]));
      owner[d.index()] = static_cast<int>(j);
    }
}

void check_precision(const Cluster& cluster, const PlacedJob& placed, std::size_t index, const std::string& file) {
  for (DeviceId d : placed.devices) {
    const DeviceModel& device = cluster.model_of(d);
    if (matrix_peak(device, placed.job.precision)) continue;
    std::string supported;
    for (std::size_t t = 0; t < data_type_names.size(); ++t)
      if (matrix_peak(device, static_cast<DataType>(t)))
        supported += (supported.empty() ? "" : ", ") + std::string(data_type_names[t]);
    throw SpecError(file, fmt::format("/jobs/{}/precision", index),
                    fmt::format("a precision of {} ({})", device.name, supported),
                    std::string(name(placed.job.precision)));
  }
}

// A program has some 15 operations for every layer and micro-batch of a data-parallel rank, 200 bytes each: what is refused
// here would need more memory than machines have.
void check_size(const TrainingJob& job, std::size_t index, const std::string& file) {
  constexpr std::int64_t most = 10'000'000;
  if (job.plan.micro_batches <= most / job.model.layers) return;
  throw SpecError(file, fmt::format("/jobs/{}/batch/global", index),
                  fmt::format("at most {} micro-batches per data-parallel rank of a model of {} layers",
                              most / job.model.layers, job.model.layers),
                  fmt::format("{}", job.plan.micro_batches));
}

std::vector<PlacedJob> place_jobs(const Scenario& scenario, const Cluster& cluster, const std::string& file) {
  std::vector<PlacedJob> placed;
  std::size_t next = 0;
  for (std::size_t j = 0; j < scenario.jobs.size(); ++j)
    for (std::size_t other = 0; other < j; ++other)
      if (scenario.jobs[other].name == scenario.jobs[j].name)
        throw SpecError(file, fmt::format("/jobs/{}/name", j), "a name that no other job has",
                        fmt::format("\"{}\"", scenario.jobs[j].name));
  for (std::size_t j = 0; j < scenario.jobs.size(); ++j) {
    const JobSpec& spec = scenario.jobs[j];
    PlacedJob p;
    p.devices = place(scenario, j, cluster.fabric.device_count(), next, file);
    p.job = {spec.model,
             resolve_plan(spec.plan, spec.batch, spec.model, p.devices.size(), file, fmt::format("/jobs/{}", j)),
             spec.software, spec.precision};
    check_precision(cluster, p, j, file);
    check_size(p.job, j, file);
    placed.push_back(std::move(p));
  }
  check_overlap(placed, cluster.fabric.device_count(), file);
  return placed;
}

std::vector<std::optional<CostInputs>> prices_of(const Scenario& scenario, const Cluster& cluster,
                                                 const std::vector<PlacedJob>& placed, const std::string& file) {
  std::vector<std::optional<CostInputs>> prices;
  for (const PlacedJob& job : placed) prices.push_back(cost_inputs(scenario.cost, cluster, job.devices, file));
  return prices;
}

JobFacts facts_of(const JobSpec& spec, const PlacedJob& placed, const Cluster& cluster) {
  JobFacts facts;
  facts.name = spec.name;
  facts.devices = static_cast<double>(placed.devices.size());
  facts.samples = static_cast<double>(spec.batch.global);
  facts.tokens = facts.samples * spec.model.sequence;
  facts.model_flops = facts.samples * model_flops_per_sequence(spec.model);
  facts.flop_convention = "3 x forward matrix products, attention in full (Megatron-LM)";
  facts.training_tokens = spec.training_tokens;
  for (DeviceId d : placed.devices)
    facts.peak_flops_per_device += matrix_peak(cluster.model_of(d), spec.precision)->value / facts.devices;
  return facts;
}

void note_folding(ScenarioRun& run, const Scenario& scenario) {
  for (std::size_t j = 0; j < run.jobs.size(); ++j) {
    const LoweredJob& job = run.jobs[j];
    run.notes.push_back(fmt::format(
        "{}: {} ranks run as {} {}, {} operations", scenario.jobs[j].name, job.ranks, job.classes,
        job.classes == job.ranks ? "(nothing folded)" : "classes of equal ranks", job.program->executed_operations()));
  }
}

void warn(ScenarioRun& run, const Scenario& scenario, const std::vector<PlacedJob>& placed, const Library& library) {
  run.warnings = idle_options(scenario.cluster);
  for (const DeviceModel& device : run.cluster.device_types) {
    if (const std::string reason = resolve_calibration(device, library).unvalidated; !reason.empty())
      run.warnings.push_back(device.name + ": the model of its kernels is not validated: " + reason);
    if (!device.power.idle)
      run.warnings.push_back(device.name + ": idle power unknown, counted as 0 W: energy is a lower bound");
    if (!device.memory.capacity)
      run.warnings.push_back(device.name + ": memory capacity unknown: nothing is checked against it");
  }
  for (const LinkClass& link : run.cluster.fabric.link_classes())
    if (link.energy.value == 0)
      run.warnings.push_back(link.name + ": energy per bit unknown, counted as 0: energy is a lower bound");
  for (std::size_t j = 0; j < scenario.jobs.size(); ++j) {
    const std::string& where = scenario.jobs[j].name;
    for (const StageMetrics& stage : run.metrics.jobs[j].stages)
      if (stage.memory_peak_bytes <= stage.memory_capacity_bytes &&
          stage.memory_peak_bytes > 0.95 * stage.memory_capacity_bytes) {
        run.warnings.push_back(
            where + ": over 95 % of the memory is used, and driver, libraries and fragmentation are not counted");
        break;
      }
    for (std::string& line : idle_options(scenario.jobs[j], placed[j].job.plan))
      run.warnings.push_back(std::move(line));
    if (run.metrics.jobs[j].calibrated_share < 0.999)
      run.warnings.push_back(fmt::format("{}: {:.0f} % of the compute time is predicted outside the calibrated range",
                                         where, 100 * (1 - run.metrics.jobs[j].calibrated_share)));
  }
}

}  // namespace

ScenarioRun run_scenario(const Scenario& scenario, const std::string& file, const Library& library) {
  ScenarioRun run;
  run.cluster = build(scenario.cluster, file);
  const std::vector<PlacedJob> placed = place_jobs(scenario, run.cluster, file);
  const auto prices = prices_of(scenario, run.cluster, placed, file);
  run.costs = make_cost_model(run.cluster.device_types, library);
  std::vector<std::unique_ptr<SynchronousDriver>> owned;
  std::vector<JobDriver*> drivers;
  LinkUse all_jobs(run.cluster);
  if (placed.size() > 1)
    for (const PlacedJob& job : placed) note_links(all_jobs, run.cluster, job.job, job.devices);
  for (std::size_t j = 0; j < placed.size(); ++j) {
    const LoweringOptions options{scenario.simulate.fold, scenario.simulate.collective_detail,
                                  static_cast<std::uint16_t>(j), placed.size() > 1 ? &all_jobs : nullptr};
    run.jobs.push_back(lower_training(run.cluster, placed[j].job, placed[j].devices, options));
    run.facts.push_back(facts_of(scenario.jobs[j], placed[j], run.cluster));
    owned.push_back(std::make_unique<SynchronousDriver>(run.jobs.back().program, scenario.simulate.iterations));
    drivers.push_back(owned.back().get());
  }
  FixedClockGovernor governor(run.cluster);
  const auto simulate = scenario.simulate.fidelity == Fidelity::flow ? simulate_flow : evaluate_analytic;
  run.timeline = simulate(run.cluster, *run.costs, governor, drivers);
  run.metrics = measure(run.timeline, run.cluster, *run.costs, run.facts);
  for (std::size_t j = 0; j < placed.size(); ++j)
    if (prices[j]) run.metrics.jobs[j].cost = cost_of(run.metrics.jobs[j], *prices[j]);
  add_error_bands(run.metrics, run.cluster, library);
  note_folding(run, scenario);
  warn(run, scenario, placed, library);
  return run;
}

ScenarioSummary check_scenario(const Scenario& scenario, const std::string& file, const Library&) {
  const Cluster cluster = build(scenario.cluster, file);
  const std::vector<PlacedJob> placed = place_jobs(scenario, cluster, file);
  prices_of(scenario, cluster, placed, file);
  ScenarioSummary summary{cluster.fabric.device_count(), placed.size(), 0};
  for (const PlacedJob& job : placed) summary.ranks += job.devices.size();
  return summary;
}

Json result_json(const Scenario& scenario, const ScenarioRun& run) {
  Json document;
  document["orrery"] = version();
  document.update(metrics_json(run.metrics));  // feasible, metrics, jobs
  document["notes"] = run.notes;
  document["warnings"] = run.warnings;
  document["scenario"] = write_spec(scenario);
  return document;
}

}  // namespace orrery
