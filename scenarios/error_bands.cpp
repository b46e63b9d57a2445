#include "scenarios/error_bands.hpp"

#include <algorithm>

#include "kernels/calibration.hpp"

namespace orrery {

namespace {

constexpr const char* scale_up = "scale-up";
constexpr const char* scale_out = "scale-out";

bool has_several_nodes(const Cluster& cluster) {
  std::size_t nodes = 0;
  for (const Pool& pool : cluster.pools) nodes += pool.devices / std::max<std::size_t>(1, pool.devices_per_node);
  return nodes > 1;
}

}  // namespace

ErrorBands load_error_bands(const Library& library) {
  const bool there = !library.find("kernels/calibration", "bands").empty();
  return load_part<ErrorBands>("kernels/calibration", "bands", there ? library : Library::installed());
}

ClassShares step_shares(const ErrorBands& bands, const JobMetrics& job) {
  ClassShares shares;
  for (const auto& [kernel, seconds] : job.mean.compute_by_kernel_s)
    if (const BandClass* c = class_of(bands.kernels, kernel)) {
      const auto found = job.mean.calibrated_by_kernel_s.find(kernel);
      const double measured = found == job.mean.calibrated_by_kernel_s.end() ? 0 : std::min(found->second, seconds);
      shares[c->name] += seconds - measured;
      shares[measured_share(c->name)] += measured;
    }
  const double between = job.mean.exposed_between_nodes_s;
  shares[scale_out] = between;
  shares[scale_up] = std::max(0.0, job.mean.exposed_communication_s - between);
  return shares;
}

void add_share(ClassShares& shares, const ErrorBands& bands, KernelKind kind, double seconds, bool measured) {
  if (const BandClass* c = class_of(bands.kernels, name(kind)))
    shares[measured ? measured_share(c->name) : c->name] += seconds;
}

ClassShares link_shares(std::string_view link_class, bool latency_bound) {
  return {{std::string(link_class) + (latency_bound ? ", latency-bound" : ""), 1.0}};
}

std::string_view link_class_of(const Cluster& cluster, const RoutedPattern& pattern) {
  double fullest = 0;
  bool host_bus = false;
  for (const LinkLoad& load : pattern.loads) {
    const Link& link = cluster.fabric.link(load.link);
    const double time = load.weight / link.bandwidth.value;
    if (time <= fullest) continue;
    fullest = time;
    host_bus = cluster.fabric.link_class(link.link_class).name.starts_with("pcie");
  }
  if (host_bus) return "host-bus";
  if (!cluster.pools.empty() && cluster.pools[0].devices_per_node == 2) return "bridged-pair";
  return has_several_nodes(cluster) ? scale_out : scale_up;
}

void add_error_bands(Metrics& metrics, const Cluster& cluster, const Library& library) {
  // Errors of other kinds of silicon say nothing of a device whose family was compared with no measurement.
  for (const DeviceModel& device : cluster.device_types)
    if (!resolve_calibration(device, library).unvalidated.empty()) return;
  const ErrorBands bands = load_error_bands(library);
  for (JobMetrics& job : metrics.jobs) {
    if (!(job.iteration_s > 0)) continue;
    const BandFactors factors = whole_band(bands, step_shares(bands, job));
    job.iteration_s_low = job.iteration_s * factors.low;
    job.iteration_s_high = job.iteration_s * factors.high;
  }
}

}  // namespace orrery
