#include "scenarios/run_scenario.hpp"

#include <algorithm>

#include "analysis/instants.hpp"
#include "analysis/memory_profile.hpp"
#include "analysis/report.hpp"
#include "kernels/collectives/user_schedule.hpp"
#include "kernels/cost_models.hpp"
#include "models/power/fixed_clock.hpp"
#include "scenarios/error_bands.hpp"
#include "scenarios/idle_options.hpp"
#include "scenarios/kernel_energy.hpp"
#include "scenarios/placement.hpp"
#include "scenarios/version.hpp"
#include "sim/catalog.hpp"
#include "sim/engine.hpp"
#include "sim/repeated_jobs.hpp"
#include "sim/routes.hpp"
#include "topologies/network_inventory.hpp"

namespace orrery {

namespace {

void add(const SpecError& error, const std::string& prefix, const std::string& file, std::vector<Fault>& faults) {
  for (const Fault& fault : error.faults())
    faults.push_back(fault.file.empty() ? Fault{file, prefix + fault.pointer, fault.expected, fault.found} : fault);
}

// What is offloaded needs a way to where it goes.
void check_offload(const Cluster& cluster, const PlacedJob& job, const std::string& pointer, const std::string& file,
                   std::vector<Fault>& faults) {
  const Offload& offload = job.job.plan.offload;
  if (!offload.any()) return;
  for (const DeviceId d : job.devices) {
    const DeviceModel& device = cluster.model_of(d);
    if (offload.to == OffloadTarget::pool && !cluster.memory_pool(d))
      return faults.push_back({file, pointer + "/plan/offload/to",
                               "a memory pool behind every node of the job (\"memory_pools\" of the cluster)",
                               fmt::format("none for device {}", d.value)});
    if ((offload.to == OffloadTarget::host || offload.optimizer) &&
        !(device.host_link && device.host_link->bandwidth_per_direction))
      return faults.push_back({file, pointer + "/plan/offload", "devices whose host_link has a bandwidth_per_direction",
                               fmt::format("none known for {}", device.name)});
  }
}

void check_bitstreams(const Cluster& cluster, const JobSpec& spec, const PlacedJob& job, const std::string& pointer,
                      const std::string& file, std::vector<Fault>& faults) {
  if (!spec.software.bitstream_load) return;
  for (const DeviceId d : job.devices)
    if (const DeviceModel& device = cluster.model_of(d); device.family != DeviceFamily::fpga)
      return faults.push_back({file, pointer + "/software/bitstream_load", "FPGAs only among the job's devices",
                               fmt::format("{}, of family {}", device.name,
                                           EnumNames<DeviceFamily>::names[static_cast<std::size_t>(device.family)])});
}

// A schedule can be timed over links for which its protocol's costs are known; each is tried where the job runs it.
void check_schedules(const Cluster& cluster, const JobSpec& spec, const PlacedJob& job, const std::string& pointer,
                     const std::string& file, std::vector<Fault>& faults) {
  TrainingJob one = job.job;
  for (std::size_t i = 0; i < spec.collectives.size(); ++i) {
    ORRERY_CHECK(spec.collectives[i].proved, "{} is run before it is read", spec.collectives[i].schedule);
    one.schedules = {spec.collectives[i].proved};
    try {
      traffic_of(cluster, one, job.devices, {});
    } catch (const SpecError& error) {
      add(error, fmt::format("{}/collectives/{}", pointer, i), file, faults);
    }
  }
}

// A scenario whose parts have met: built, placed, priced. All faults of wiring, jobs and plans are told together.
struct Prepared {
  Prepared(const Scenario& scenario, const std::string& file, const Library& library) {
    std::vector<Fault> faults;
    try {
      cluster = build_cluster(scenario.cluster, network);
    } catch (const SpecError& error) {
      add(error, "/cluster", file, faults);
    }
    jobs = place_jobs(scenario, file, faults);
    if (faults.empty())
      for (std::size_t j = 0; j < jobs.size(); ++j) {
        const std::string pointer = fmt::format("/jobs/{}", j);
        check_offload(cluster, jobs[j], pointer, file, faults);
        check_bitstreams(cluster, scenario.jobs[j], jobs[j], pointer, file, faults);
        if (faults.empty()) check_schedules(cluster, scenario.jobs[j], jobs[j], pointer, file, faults);
      }
    if (!faults.empty()) throw SpecError(std::move(faults));
    for (const PlacedJob& job : jobs) {
      prices.push_back(cost_inputs(scenario.cost, cluster, network, job.devices, file));
      failures.push_back(reliability_inputs(scenario.reliability, cluster, job.devices, file, library));
    }
  }

  Cluster cluster;
  std::vector<NetworkItem> network;
  std::vector<PlacedJob> jobs;
  std::vector<std::optional<CostInputs>> prices;
  std::vector<std::optional<ReliabilityInputs>> failures;
};

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

// Jobs that share links are measured under each other's load, after an iteration that brings them out of step. Without
// contention (one job, or the analytic evaluator) every iteration is the same, but for the first where optical circuits
// are left as an iteration's end needs them.
void simulate(ScenarioRun& run, const Scenario& scenario) {
  const bool analytic = scenario.simulate.fidelity == Fidelity::analytic;
  const bool meet = run.jobs.size() > 1 && !analytic;
  const bool circuits = run.cluster.fabric.has_circuits();
  RepeatedIterations iterations{meet || circuits ? 1 : 0, scenario.simulate.iterations.value_or(1)};
  if (!meet) iterations.most_operations = 0;  // nobody waits for another's load
  RepeatedJobs jobs(iterations);
  for (const LoweredJob& job : run.jobs) jobs.add(job.program);
  const std::vector<JobDriver*> drivers = jobs.drivers();
  FixedClockGovernor governor(run.cluster);
  run.timeline = (analytic ? evaluate_analytic : simulate_flow)(run.cluster, *run.costs, governor, drivers);
  join_instants(run.timeline);
  std::vector<int> completed(run.jobs.size(), 0);
  for (const FragmentRecord& fragment : run.timeline.fragments) completed[fragment.job] += !fragment.cancelled;
  for (std::size_t j = 0; j < run.jobs.size(); ++j)
    run.facts[j].measured_iterations = completed[j] - iterations.warm_up;
}

// A job that could not be repeated for as long as the others ran left them alone on the links.
void warn_of_early_ends(ScenarioRun& run, const Scenario& scenario) {
  std::vector<double> ends(run.jobs.size(), 0);
  for (const FragmentRecord& fragment : run.timeline.fragments)
    ends[fragment.job] = std::max(ends[fragment.job], fragment.end_s);
  for (std::size_t j = 0; j < ends.size(); ++j)
    if (ends[j] < run.timeline.end_s)
      run.warnings.push_back(
          fmt::format("{}: {} iterations were simulated, until {}; the other jobs then ran without it until {}",
                      scenario.jobs[j].name, run.metrics.jobs[j].iterations_s.size(), human(Seconds(ends[j])),
                      human(Seconds(run.timeline.end_s))));
}

void add_notes(ScenarioRun& run, const Scenario& scenario) {
  if (run.jobs.size() > 1 && scenario.simulate.fidelity == Fidelity::flow)
    run.notes.push_back(
        "all jobs run all the time: each repeats its iterations, after one that is not counted, until every "
        "job has been measured");
  if (run.cluster.fabric.has_circuits())
    run.notes.push_back(fmt::format(
        "optical circuits: set anew {} times in {} iterations (the first found them set); transfers waited {} "
        "for their circuits in all",
        run.timeline.circuit_changes, run.timeline.fragments.size(), human(Seconds(run.timeline.circuit_wait_s))));
  if (run.timeline.approximated_links > 0)
    run.notes.push_back(
        fmt::format("on {} links the shares of the flows were rounded, by 1/256 at most, to be shared in one step",
                    run.timeline.approximated_links));
  for (std::size_t j = 0; j < run.jobs.size(); ++j) {
    const LoweredJob& job = run.jobs[j];
    run.notes.push_back(fmt::format("{}: {} rank{} run{} as {} {}, {} operations", scenario.jobs[j].name, job.ranks,
                                    job.ranks == 1 ? "" : "s", job.ranks == 1 ? "s" : "", job.classes,
                                    job.classes == job.ranks ? "(nothing folded)"
                                    : job.classes == 1       ? "class of equal ranks"
                                                             : "classes of equal ranks",
                                    job.program->executed_operations()));
    for (const CollectiveSpec& own : scenario.jobs[j].collectives) {
      if (!job.collectives.contains(own.proved->shape())) continue;
      const std::string buffers = own.proved->buffers();
      run.notes.push_back(fmt::format(
          "{}: {} over {} devices runs as {} (protocol {}), proved on integers, in place of a library's choice{}",
          scenario.jobs[j].name, own.collective, own.devices, quote(own.proved->name), own.proved->protocol,
          buffers.empty() ? "" : ", for buffers " + buffers + " only, as its file says"));
    }
  }
}

// Classes of links that carried bytes although nobody knows what a byte costs there; those between nodes draw their power
// whatever crosses.
std::vector<std::string> unpriced_links(const ScenarioRun& run) {
  const Fabric& fabric = run.cluster.fabric;
  std::vector<bool> unpriced, used(fabric.link_classes().size(), false);
  for (const LinkClass& link : fabric.link_classes())
    unpriced.push_back(!link.energy && !is_network_link(run.network, link.name));
  auto left = std::count(unpriced.begin(), unpriced.end(), true);  // to be found
  const auto note = [&](const Program& program, PatternId pattern) {
    for (const LinkLoad& load : route_pattern(fabric, *run.cluster.router, program.pattern(pattern)).loads) {
      const std::size_t link_class = fabric.link(load.link).link_class.index();
      if (unpriced[link_class] && !used[link_class]) --left;
      used[link_class] = true;
    }
  };
  for (const LoweredJob& job : run.jobs) {
    std::vector<bool> seen(job.program->pattern_count(), false);
    for (const Operation& op : job.program->operations) {
      if (left == 0) break;
      if (op.kind != OpKind::transfer || !op.pattern.valid() || op.bytes <= 0 || seen[op.pattern.index()]) continue;
      seen[op.pattern.index()] = true;
      note(*job.program, op.pattern);
    }
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < used.size(); ++i)
    if (used[i] && unpriced[i]) names.push_back(fabric.link_classes()[i].name);
  return names;
}

void warn_of_network_energy(ScenarioRun& run) {
  std::string silent;
  for (const NetworkItem& item : run.network)
    if (!item.power && !item.in_host_power) silent += (silent.empty() ? "" : ", ") + item.name();
  if (!silent.empty()) run.warnings.push_back(silent + ": power unknown, counted as 0 W: energy is a lower bound");
  for (const std::string& link : unpriced_links(run))
    run.warnings.push_back(link + ": energy per bit unknown, counted as 0: energy is a lower bound");
}

void warn(ScenarioRun& run, const Scenario& scenario, const std::vector<PlacedJob>& placed, const Library& library) {
  run.warnings = idle_options(scenario.cluster, library);
  if (scenario.cost)
    for (std::string& line : idle_options(*scenario.cost)) run.warnings.push_back(std::move(line));
  const auto uses_pools = [](const JobSpec& job) {
    return job.plan.offload.to == OffloadTarget::pool && job.plan.offload.any();
  };
  if (!scenario.cluster.memory_pools.empty() && std::none_of(scenario.jobs.begin(), scenario.jobs.end(), uses_pools))
    run.warnings.push_back("cluster: memory_pools has no effect: no job offloads to a pool");
  for (const PoolSpec& pool : scenario.cluster.pools)
    if (!pool.node.host_power)
      run.warnings.push_back((pool.node.name.empty() ? "a node" : pool.node.name) +
                             ": host power unknown, counted as 0 W: energy is a lower bound");
  for (const JobSpec& job : scenario.jobs)
    if (job.software.bitstream_load)
      run.warnings.push_back(
          fmt::format("{}: devices load a bitstream, {}, wherever they change phase, counted as transfer (copy)",
                      job.name, human(*job.software.bitstream_load)));
  if (run.jobs.size() > 1 && scenario.simulate.fidelity == Fidelity::flow) warn_of_early_ends(run, scenario);
  if (run.jobs.size() > 1 && scenario.simulate.fidelity == Fidelity::analytic)
    run.warnings.push_back("fidelity analytic: each job is timed as if it had the network to itself");
  if (scenario.simulate.fidelity == Fidelity::analytic && scenario.simulate.collective_detail == CollectiveDetail::step)
    run.warnings.push_back(
        "collective_detail step: the analytic evaluator has no links to share, on which rounds could meet");
  for (const DeviceModel& device : run.cluster.device_types) {
    if (const std::string reason = resolve_calibration(device, library).unvalidated; !reason.empty())
      run.warnings.push_back(device.name + ": the model of its kernels is not validated: " + reason);
    for (std::string& line : energy_warnings(device, library)) run.warnings.push_back(std::move(line));
    if (!memory_capacity(device))
      run.warnings.push_back(device.name + ": memory capacity unknown: nothing is checked against it");
    if (!memory_bandwidth(device))
      run.warnings.push_back(device.name + ": memory bandwidth unknown: only its on-chip memories hold kernels back");
  }
  warn_of_network_energy(run);
  for (std::size_t j = 0; j < scenario.jobs.size(); ++j) {
    const std::string& where = scenario.jobs[j].name;
    for (const StageMetrics& stage : run.metrics.jobs[j].stages)
      if (stage.memory_peak_bytes <= stage.memory_capacity_bytes &&
          stage.memory_peak_bytes > 0.95 * stage.memory_capacity_bytes) {
        run.warnings.push_back(
            where + ": over 95 % of the memory is used, and driver, libraries and fragmentation are not counted");
        break;
      }
    for (std::string& line : idle_options(scenario.jobs[j], placed[j].job.plan, run.jobs[j].collectives))
      run.warnings.push_back(std::move(line));
    if (run.metrics.jobs[j].calibrated_share < 0.995)
      run.warnings.push_back(fmt::format("{}: {:.0f} % of the compute time is predicted outside the calibrated range",
                                         where, 100 * (1 - run.metrics.jobs[j].calibrated_share)));
  }
}

std::vector<LoweredJob> lower_jobs(const Scenario& scenario, const Cluster& cluster,
                                   const std::vector<PlacedJob>& placed, const CostModel* costs) {
  LinkUse all_jobs(cluster);
  std::vector<LoweringOptions> options;
  for (std::size_t j = 0; j < placed.size(); ++j)
    options.push_back({scenario.simulate.fold, scenario.simulate.collective_detail,
                       scenario.simulate.fidelity == Fidelity::analytic, static_cast<std::uint16_t>(j),
                       placed.size() > 1 ? &all_jobs : nullptr, costs});
  if (placed.size() > 1)
    for (std::size_t j = 0; j < placed.size(); ++j)
      all_jobs.add(traffic_of(cluster, placed[j].job, placed[j].devices, options[j]));
  std::vector<LoweredJob> lowered;
  for (std::size_t j = 0; j < placed.size(); ++j)
    lowered.push_back(lower_training(cluster, placed[j].job, placed[j].devices, options[j]));
  return lowered;
}

}  // namespace

ScenarioRun run_scenario(const Scenario& scenario, const std::string& file, const Library& library) {
  Prepared prepared(scenario, file, library);
  ScenarioRun run;
  run.cluster = std::move(prepared.cluster);
  run.network = std::move(prepared.network);
  const std::vector<PlacedJob>& placed = prepared.jobs;
  run.costs = make_cost_model(run.cluster.device_types, library);
  run.jobs = lower_jobs(scenario, run.cluster, placed, run.costs.get());
  for (std::size_t j = 0; j < placed.size(); ++j)
    run.facts.push_back(facts_of(scenario.jobs[j], placed[j], run.cluster));
  simulate(run, scenario);
  run.metrics = measure(run.timeline, run.cluster, *run.costs, run.facts);
  add_network_power(run.metrics, network_power(run.network) / static_cast<double>(run.cluster.fabric.device_count()));
  for (std::size_t j = 0; j < placed.size(); ++j) {
    JobMetrics& job = run.metrics.jobs[j];
    if (prepared.prices[j]) job.cost = cost_of(job, *prepared.prices[j]);
    if (prepared.failures[j]) job.reliability = goodput_of(*prepared.failures[j], job.time_to_train_s);
  }
  forget_unknown_energy(run, placed, library);
  add_error_bands(run.metrics, run.cluster, placed, library);
  add_notes(run, scenario);
  warn(run, scenario, placed, library);
  return run;
}

double memory_share(const Scenario& scenario, const std::string& file, const Library& library) {
  const Prepared prepared(scenario, file, library);
  double share = 0;
  for (const LoweredJob& job : lower_jobs(scenario, prepared.cluster, prepared.jobs, nullptr)) {
    const std::vector<MemoryPeak> peaks = memory_peaks_as_written(*job.program);
    for (std::size_t i = 0; i < peaks.size(); ++i)
      if (const auto capacity = memory_capacity(prepared.cluster.model_of(job.program->devices[i].device)))
        share = std::max(share, peaks[i].total / capacity->value);
  }
  return share;
}

ScenarioSummary check_scenario(const Scenario& scenario, const std::string& file, const Library& library) {
  const Prepared prepared(scenario, file, library);
  ScenarioSummary summary{prepared.cluster.fabric.device_count(), prepared.jobs.size(), 0};
  for (const PlacedJob& job : prepared.jobs) summary.ranks += job.devices.size();
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
