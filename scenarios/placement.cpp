#include "scenarios/placement.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "models/layer_steps.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

constexpr std::int64_t most_devices = 1 << 24;  // more is a fault of the cluster, said where it is built

// Matrix products of training need a floating-point format; those below eight bits need scales per block (MXFP4: Tseng et
// al. 2025, arXiv 2502.20586; NVFP4: NVIDIA 2025, arXiv 2509.25149).
bool trains_in(DataType type) { return type != DataType::int8 && type != DataType::fp6 && type != DataType::fp4; }

struct DeviceRange {
  std::int64_t first = 0, count = 0;
  std::int64_t end() const { return first + count; }
};

class Placer {
 public:
  Placer(const Scenario& scenario, const std::string& file, std::vector<Fault>& faults)
      : scenario_(scenario), file_(file), faults_(faults) {
    for (const PoolSpec& pool : scenario.cluster.pools) available_ += std::int64_t{pool.count} * pool.node.devices;
  }

  std::vector<PlacedJob> place(const std::vector<bool>& judged) {
    check_names();
    std::vector<PlacedJob> placed(scenario_.jobs.size());
    if (available_ > most_devices) return placed;
    for (std::size_t j = 0; j < placed.size(); ++j) {
      ranges_.push_back(range_of(j));
      if (ranges_[j].count == 0 || (!judged.empty() && !judged[j])) continue;
      resolve(j, placed[j].job);
      check_precision(j);
      check_overlap(j);
      for (std::int64_t d = ranges_[j].first; d < std::min(ranges_[j].end(), available_); ++d)
        placed[j].devices.emplace_back(static_cast<std::size_t>(d));
    }
    return placed;
  }

 private:
  void fault(std::size_t job, std::string_view key, std::string expected, std::string found) {
    faults_.push_back({file_, fmt::format("/jobs/{}{}", job, key), std::move(expected), std::move(found)});
  }

  void check_names() {
    const auto& jobs = scenario_.jobs;
    for (std::size_t j = 0; j < jobs.size(); ++j)
      if (std::any_of(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(j),
                      [&](const JobSpec& other) { return other.name == jobs[j].name; }))
        fault(j, "/name", "a name that no other job has", quote(jobs[j].name));
  }

  // Devices as stated, or the ones after the previous job, the last job taking all that are left. None: not known.
  DeviceRange range_of(std::size_t j) {
    const JobSpec& job = scenario_.jobs[j];
    const std::int64_t next = j == 0 ? 0 : ranges_[j - 1].end();
    if (!job.placement) {
      if (j > 0 && ranges_[j - 1].count == 0) return {next, 0};  // where the one before ends is not known
      if (j + 1 < scenario_.jobs.size()) {
        fault(j, "", "a \"placement\" (only the last job may take the devices that are left)", "none");
        return {next, 0};
      }
      if (next >= available_ && j > 0 && ranges_[j - 1].count > 0)
        fault(j, "", fmt::format("devices left of the cluster's {}", available_), "none");
      return {next, std::max<std::int64_t>(0, available_ - next)};
    }
    const DeviceRange range{job.placement->first, std::min(job.placement->count, most_devices)};
    if (job.placement->first > available_ || job.placement->count > available_ - job.placement->first)
      fault(j, "/placement", fmt::format("devices within the cluster's {}", available_),
            fmt::format("{} devices from number {}", job.placement->count, job.placement->first));
    return range;
  }

  void resolve(std::size_t j, TrainingJob& job) {
    const JobSpec& spec = scenario_.jobs[j];
    job.model = spec.model;
    job.software = spec.software;
    job.precision = spec.precision;
    job.optimizer = spec.optimizer;
    job.schedules = schedules_of(spec.collectives);
    try {
      job.plan = resolve_plan(spec.plan, spec.batch, spec.model, static_cast<std::size_t>(ranges_[j].count), file_,
                              fmt::format("/jobs/{}", j));
      check_size(j, job);
    } catch (const SpecError& error) {
      faults_.insert(faults_.end(), error.faults().begin(), error.faults().end());
    }
  }

  // A program has some 15 operations for every layer and micro-batch of a data-parallel rank, 200 bytes each: what is
  // refused here would need more memory than machines have.
  void check_size(std::size_t j, const TrainingJob& job) {
    constexpr std::int64_t most = 10'000'000;
    if (job.plan.micro_batches > most / job.model.layers)
      fault(j, "/batch/global",
            fmt::format("at most {} micro-batches per data-parallel rank of a model of {} layers",
                        most / job.model.layers, job.model.layers),
            fmt::format("{}", job.plan.micro_batches));
    constexpr double most_tokens = 1e10, most_rows = 1e11;  // products of sizes stay within 64 bits
    const double tokens = static_cast<double>(job.plan.micro_batch) * static_cast<double>(job.model.sequence);
    if (tokens > most_tokens)
      fault(j, "/batch/micro", fmt::format("a micro-batch of at most {:g} tokens", most_tokens),
            fmt::format("{:g}", tokens));
    if (!job.model.experts) return;
    const double rows = tokens * job.model.experts->active * job.model.experts->padding();
    if (rows > most_rows)
      fault(j, "/batch/micro", fmt::format("a micro-batch of which experts get at most {:g} rows", most_rows),
            fmt::format("{:g} tokens, {:g} rows", tokens, rows));
  }

  // Narrow types need units for what flows between their products as well.
  static bool trains_on(const DeviceModel& device, DataType type) {
    return trains_in(type) && matrix_peak(device, type) && matrix_peak(device, activation_type(type));
  }

  void check_precision(std::size_t j) {
    const DataType wanted = scenario_.jobs[j].precision;
    std::int64_t first = 0;
    for (const PoolSpec& pool : scenario_.cluster.pools) {
      const std::int64_t end = first + std::int64_t{pool.count} * pool.node.devices;
      const bool used = ranges_[j].first < end && first < ranges_[j].end();
      first = end;
      if (!used || trains_on(pool.node.device, wanted)) continue;
      std::string supported;
      for (std::size_t t = 0; t < data_type_names.size(); ++t)
        if (trains_on(pool.node.device, static_cast<DataType>(t)))
          supported += (supported.empty() ? "" : ", ") + std::string(data_type_names[t]);
      fault(j, "/precision",
            supported.empty() ? fmt::format("a device that trains: {} has no matrix unit for it", pool.node.device.name)
                              : fmt::format("a precision that {} trains in ({})", pool.node.device.name, supported),
            quote(name(wanted)));
      return;
    }
  }

  void check_overlap(std::size_t j) {
    for (std::size_t other = 0; other < j; ++other) {
      const std::int64_t shared = std::max(ranges_[other].first, ranges_[j].first);
      if (shared < std::min(ranges_[other].end(), ranges_[j].end()))
        fault(j, "/placement", "devices that no other job uses",
              fmt::format("device {} of job {} ({})", shared, other, quote(scenario_.jobs[other].name)));
    }
  }

  const Scenario& scenario_;
  const std::string& file_;
  std::vector<Fault>& faults_;
  std::int64_t available_ = 0;
  std::vector<DeviceRange> ranges_;
};

}  // namespace

std::vector<PlacedJob> place_jobs(const Scenario& scenario, const std::string& file, std::vector<Fault>& faults,
                                  const std::vector<bool>& judged) {
  return Placer(scenario, file, faults).place(judged);
}

}  // namespace orrery
