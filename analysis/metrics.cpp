#include "analysis/metrics.hpp"

#include <algorithm>
#include <set>

#include "analysis/device_activity.hpp"
#include "analysis/memory_profile.hpp"
#include "sim/routes.hpp"

namespace orrery {
namespace {

template <std::size_t N, class NameOf>
std::map<std::string, double> named(const std::array<double, N>& values, double weight, NameOf name_of) {
  std::map<std::string, double> all;
  for (std::size_t i = 0; i < N; ++i)
    if (values[i] > 0) all[std::string(name_of(i))] += values[i] / weight;
  return all;
}

// Sums over the devices of a stage, then means.
struct StageSum {
  double devices = 0, capacity = 0;
  DeviceActivity activity;
  MemoryPeak peak;

  void add(const DeviceActivity& a, const MemoryPeak& p, double device_capacity, double multiplicity) {
    const bool first = devices == 0;
    activity.add(a, multiplicity);
    devices += multiplicity;
    if (first || memory_room(device_capacity, p.total) < memory_room(capacity, peak.total)) {
      peak = p;
      capacity = device_capacity;
    }
  }

  StageMetrics mean(int stage) const {
    StageMetrics m;
    m.stage = stage;
    m.devices = devices;
    if (devices <= 0) return m;
    m.compute_s = activity.time.compute_s / devices;
    m.exposed_communication_s = activity.time.exposed_s / devices;
    m.bubble_s = activity.bubble_s / devices;
    m.waiting_s = std::max(0.0, activity.time.for_others_s - activity.bubble_s) / devices;
    m.other_s = activity.time.other_s / devices + m.waiting_s;
    m.compute_by_kernel_s = named(activity.compute_by_kernel, devices, kernel_class_name);
    m.calibrated_by_kernel_s = named(activity.calibrated_by_kernel, devices, kernel_class_name);
    m.compute_by_phase_s = named(activity.compute_by_phase, devices, [](std::size_t i) { return phase_names[i]; });
    m.exposed_by_collective_s = named(activity.exposed, devices, communication_class_name);
    for (std::size_t c = 0; c < activity.exposed.size(); ++c)
      if (between_nodes(c)) m.exposed_between_nodes_s += activity.exposed[c] / devices;
    m.communication_by_collective_s = named(activity.in_flight, devices, communication_class_name);
    m.memory_peak_by_category_bytes = peak.by_category;
    m.memory_peak_bytes = peak.total;
    m.memory_capacity_bytes = capacity;
    return m;
  }
};

class JobMeter {
 public:
  JobMeter(const Timeline& timeline, const Cluster& cluster, KernelProfiles& profiles, std::uint16_t job,
           const JobFacts& facts)
      : timeline_(timeline),
        cluster_(cluster),
        view_(timeline, job, facts.measured_iterations),
        meter_(view_, cluster, profiles),
        facts_(facts) {}

  JobMetrics measure() {
    job_.name = facts_.name;
    job_.flop_convention = facts_.flop_convention;
    job_.iterations_s = view_.iterations_s();
    job_.measured_iterations = view_.iterations_in_window();
    if (view_.completed()) job_.iteration_s = period_s();
    for (std::size_t i = 0; i < view_.devices().size(); ++i) add_device(i);
    for (const auto& [stage, sum] : stages_) job_.stages.push_back(sum.mean(stage));
    job_.mean = all_.mean(-1);
    job_.devices = facts_.devices > 0 ? facts_.devices : all_.devices;
    job_.compute_s = job_.mean.compute_s;
    job_.exposed_communication_s = job_.mean.exposed_communication_s;
    job_.bubble_s = job_.mean.bubble_s;
    job_.other_s = job_.mean.other_s;
    job_.waiting_s = job_.mean.waiting_s;
    job_.hardware_flops = all_.activity.flops;
    job_.calibrated_share = calibrated_share();
    measure_energy();
    measure_rates();
    return std::move(job_);
  }

 private:
  // The window by the iterations in it.
  double period_s() const { return (view_.window_end_s() - view_.window_start_s()) / view_.iterations_in_window(); }

  // Of the time in kernels: what waits for the host, or is of no known kernel, does not count.
  double calibrated_share() const {
    double kernel_s = 0, calibrated_s = 0;
    for (std::size_t k = 0; k < kernel_kind_names.size(); ++k) {
      kernel_s += all_.activity.compute_by_kernel[k];
      calibrated_s += all_.activity.calibrated_by_kernel[k];
    }
    return kernel_s > 0 ? calibrated_s / kernel_s : 1;
  }

  void add_device(std::size_t i) {
    const Representative& r = view_.devices()[i];
    DeviceActivity activity;
    activity.add(meter_.of(i), 1.0 / view_.iterations_in_window());
    memory_changes(view_, i, changes_);
    const MemoryPeak peak = memory_peak(persistent_memory(view_, i), changes_);
    const DeviceModel& model = cluster_.model_of(r.device);
    const double capacity = memory_capacity(model).value_or(Bytes(0)).value;
    stages_[r.stage].add(activity, peak, capacity, r.multiplicity);
    all_.add(activity, peak, capacity, r.multiplicity);
    job_.devices_by_model[model.title.empty() ? model.name : model.title] += r.multiplicity;
    job_.memory_peak_bytes = std::max(job_.memory_peak_bytes, peak.total);
    if (capacity > 0 && peak.total > capacity) {
      job_.feasible = false;
      job_.shortfall_bytes = std::max(job_.shortfall_bytes, peak.total - capacity);
    }
  }

  void measure_energy() {
    const double iterations = view_.iterations_in_window(), period = period_s();
    job_.energy.compute_J = all_.activity.compute_energy_J;
    for (const Record& record : timeline_.records)
      if (record.energy_J > 0 && view_.has(record) && view_.operation_of(record).kind == OpKind::transfer)
        job_.energy.transfer_J += view_.share_in_window(record) * record.energy_J / iterations;
    if (timeline_.end_s > 0)
      for (const DeviceRecord& d : timeline_.devices)
        if (const Representative* r = view_.find(d.device))
          job_.energy.static_J += d.static_energy_J * r->multiplicity * (period / timeline_.end_s);
    for (const Representative& r : view_.devices())
      job_.energy.host_J += cluster_.host_power_of(r.device).value * r.multiplicity * period;
    job_.energy_J = job_.energy.total();
    if (period > 0) job_.average_power_W = job_.energy_J / period;
  }

  void measure_rates() {
    job_.model_flops = facts_.model_flops;
    const double time = job_.iteration_s, devices = job_.devices, peak = facts_.peak_flops_per_device;
    if (time <= 0 || devices <= 0) return;
    job_.samples_per_s = facts_.samples / time;
    job_.tokens_per_s = facts_.tokens / time;
    job_.tokens_per_s_per_device = job_.tokens_per_s / devices;
    const auto rate = [&](double flops, std::optional<double>& tflops, std::optional<double>& utilization) {
      if (flops <= 0) return;
      tflops = flops / (time * devices) * 1e-12;
      if (peak > 0) utilization = flops / (time * devices * peak);
    };
    rate(job_.model_flops, job_.model_tflops_per_device, job_.mfu);
    rate(job_.hardware_flops, job_.hardware_tflops_per_device, job_.hfu);
    if (!facts_.training_tokens || facts_.tokens <= 0) return;
    job_.time_to_train_s = *facts_.training_tokens / job_.tokens_per_s;
    if (job_.energy_J > 0) job_.energy_to_train_J = job_.energy_J / time * *job_.time_to_train_s;
  }

  const Timeline& timeline_;
  const Cluster& cluster_;
  JobView view_;
  ActivityMeter meter_;
  const JobFacts& facts_;
  JobMetrics job_;
  StageSum all_;
  std::map<int, StageSum> stages_;
  std::vector<MemoryChange> changes_;
};

// Bytes that all transfers put on links. A Program that runs often is walked once per pattern.
class LinkBytes {
 public:
  explicit LinkBytes(const Cluster& cluster) : cluster_(cluster) {}
  double of(const Program& program, const Operation& op) {
    if (!cluster_.router || !op.pattern.valid()) return 0;
    if (&program != last_program_) {
      last_program_ = &program;
      last_ = &known_[&program];
      last_->resize(program.pattern_count(), -1);
    }
    double& weight = (*last_)[op.pattern.index()];
    if (weight < 0) weight = link_weight(program.pattern(op.pattern));
    return weight * op.bytes;
  }

 private:
  double link_weight(std::span<const Flow> flows) const {
    double weight = 0;
    for (const LinkLoad& load : route_pattern(cluster_.fabric, *cluster_.router, flows).loads) weight += load.weight;
    return weight;
  }

  const Cluster& cluster_;
  std::map<const Program*, std::vector<double>> known_;  // only looked up
  const Program* last_program_ = nullptr;
  std::vector<double>* last_ = nullptr;
};

// Devices of all Programs and for how many each stands.
std::map<DeviceId, double> multiplicities(const Timeline& timeline) {
  std::map<DeviceId, double> all;
  std::set<const Program*> seen;  // only looked up
  for (const FragmentRecord& fragment : timeline.fragments) {
    if (!fragment.program || !seen.insert(fragment.program.get()).second) continue;
    for (const Queue& q : fragment.program->queues) all.try_emplace(q.device, 1);
    for (const Representative& r : fragment.program->devices) all[r.device] = r.multiplicity;
  }
  return all;
}

void measure_everything(const Timeline& timeline, const Cluster& cluster, Metrics& metrics) {
  metrics.end_s = timeline.end_s;
  metrics.simulated_events = timeline.events;
  const auto stands_for = multiplicities(timeline);
  std::vector<double> by_device;  // an array to look up by
  for (const auto& [device, count] : stands_for) {
    by_device.resize(device.index() + 1, 1);
    by_device[device.index()] = count;
  }
  const auto multiplicity = [&](DeviceId d) { return d.index() < by_device.size() ? by_device[d.index()] : 1; };
  LinkBytes link_bytes(cluster);
  for (const Record& record : timeline.records) {
    const Program& program = *timeline.fragments[record.fragment].program;
    const Operation& op = program.operations[record.op.index()];
    if (op.kind == OpKind::transfer) {
      metrics.energy_J += record.energy_J;
      metrics.link_bytes += link_bytes.of(program, op);
    } else if (op.kind == OpKind::compute && record.energy_J > 0) {
      const auto queues = program.queues_of(op);
      metrics.energy_J += record.energy_J *
                          (queues.empty() ? 1 : multiplicity(program.queues[queues.front().index()].device));
    }
  }
  for (const DeviceRecord& d : timeline.devices) metrics.energy_J += d.static_energy_J * multiplicity(d.device);
  for (const auto& [device, count] : stands_for)
    metrics.energy_J += cluster.host_power_of(device).value * count * timeline.end_s;
  if (timeline.end_s > 0) metrics.average_power_W = metrics.energy_J / timeline.end_s;
}

}  // namespace

bool Metrics::feasible() const {
  return std::all_of(jobs.begin(), jobs.end(), [](const JobMetrics& j) { return j.feasible; });
}

Metrics measure(const Timeline& timeline, const Cluster& cluster, const CostModel& costs,
                const std::vector<JobFacts>& facts) {
  Metrics metrics;
  KernelProfiles profiles(costs);
  for (std::size_t j = 0; j < facts.size(); ++j)
    metrics.jobs.push_back(JobMeter(timeline, cluster, profiles, static_cast<std::uint16_t>(j), facts[j]).measure());
  const std::vector<MemoryPoolUse> pools = memory_pool_use(timeline, cluster);
  for (std::size_t j = 0; j < metrics.jobs.size(); ++j) {
    JobMetrics& job = metrics.jobs[j];
    job.memory_pools = memory_pools_of(pools, j);
    if (!job.memory_pools || job.memory_pools->too_small == 0) continue;
    job.feasible = false;
    job.shortfall_bytes = std::max(job.shortfall_bytes, job.memory_pools->shortfall_bytes());
  }
  measure_everything(timeline, cluster, metrics);
  return metrics;
}

void add_network_power(Metrics& metrics, Watts per_device) {
  for (JobMetrics& job : metrics.jobs) {
    const double watts = per_device.value * job.devices, before = job.energy_J;
    job.energy.network_J += watts * job.iteration_s;
    job.energy_J = job.energy.total();
    if (job.iteration_s > 0) job.average_power_W = job.energy_J / job.iteration_s;
    if (job.energy_to_train_J && before > 0) job.energy_to_train_J = *job.energy_to_train_J * (job.energy_J / before);
    metrics.energy_J += watts * metrics.end_s;
  }
  if (metrics.end_s > 0) metrics.average_power_W = metrics.energy_J / metrics.end_s;
}

}  // namespace orrery
