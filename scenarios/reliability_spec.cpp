#include "scenarios/reliability_spec.hpp"

#include <fmt/format.h>

namespace orrery {

void fields(Fields& f, FailureRate& r) {
  f("name", r.name);
  f("title", r.title);
  f("notes", r.notes);
  f.required("device_mtbf", r.device_mtbf, positive);
  f.raw("sources", r.sources);
}

void fields(Fields& f, ReliabilitySpec& r) {
  f("device_mtbf", r.device_mtbf, Need::optional, positive);
  f.required("checkpoint_time", r.checkpoint_time, positive);
  f("checkpoint_interval", r.checkpoint_interval, Need::optional, positive);
  f.required("restart_time", r.restart_time, non_negative);
  f.raw("sources", r.sources);
}

std::optional<FailureRate> failure_rate_of(const DeviceModel& device, const Library& library) {
  if (device.generation.empty() || library.find("reliability", device.generation).empty()) return std::nullopt;
  return load_part<FailureRate>("reliability", device.generation, library);
}

std::optional<ReliabilityInputs> reliability_inputs(const std::optional<ReliabilitySpec>& spec, const Cluster& cluster,
                                                    const std::vector<DeviceId>& devices, const std::string& file,
                                                    const Library& library) {
  if (!spec) return std::nullopt;
  ReliabilityInputs inputs;
  inputs.checkpoint_s = spec->checkpoint_time.value;
  inputs.restart_s = spec->restart_time.value;
  if (spec->checkpoint_interval) inputs.interval_s = spec->checkpoint_interval->value;
  std::vector<double> counts(cluster.device_types.size(), 0);
  for (const DeviceId device : devices) counts[cluster.type_of[device.index()].index()] += 1;
  double failures_per_s = 0;
  if (spec->device_mtbf) {
    failures_per_s = static_cast<double>(devices.size()) / spec->device_mtbf->value;
    inputs.basis = fmt::format("{:.6g} h between failures per device, as stated", spec->device_mtbf->value / 3600);
  }
  for (std::size_t type = 0; type < counts.size() && !spec->device_mtbf; ++type) {
    if (counts[type] == 0) continue;
    const DeviceModel& device = cluster.device_types[type];
    const auto rate = failure_rate_of(device, library);
    if (!rate)
      throw SpecError(
          file, "/reliability/device_mtbf",
          fmt::format("a mean time between failures, since none is published for the generation of {}", device.name),
          "none");
    failures_per_s += counts[type] / rate->device_mtbf.value;
    inputs.basis += fmt::format("{}{:.6g} h between failures per device ({})", inputs.basis.empty() ? "" : "; ",
                                rate->device_mtbf.value / 3600, rate->title);
  }
  inputs.mtbf_s = 1 / failures_per_s;
  return inputs;
}

}  // namespace orrery
