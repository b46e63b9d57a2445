#include "scenarios/error_bands.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "analysis/device_activity.hpp"
#include "kernels/calibration.hpp"
#include "scenarios/placement.hpp"

namespace orrery {

namespace {

constexpr const char* scale_up = "scale-up";
constexpr const char* scale_out = "scale-out";
constexpr const char* host_bus = "host-bus";

// Of transfers between a device and its host, and what the host does in between.
double exposed_copies_s(const JobMetrics& job) {
  double seconds = 0;
  for (const Stream stream : {Stream::copy, Stream::copy_back, Stream::host}) {
    const auto copies = job.mean.exposed_by_collective_s.find(
        communication_class_name(communication_class(CollectiveKind::none, stream, false)));
    if (copies != job.mean.exposed_by_collective_s.end()) seconds += copies->second;
  }
  return seconds;
}

bool compared_with_measurements(const Cluster& cluster, std::span<const DeviceId> devices, const Library& library) {
  std::set<DeviceTypeId> types;
  for (const DeviceId d : devices) types.insert(cluster.type_of[d.index()]);
  return std::ranges::all_of(types, [&](DeviceTypeId type) {
    return resolve_calibration(cluster.device_types[type.index()], library).unvalidated.empty();
  });
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
  const double between = job.mean.exposed_between_nodes_s, copied = exposed_copies_s(job);
  shares[scale_out] = between;
  shares[host_bus] = copied;
  shares[scale_up] = std::max(0.0, job.mean.exposed_communication_s - between - copied);
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
  bool over_host_bus = false, leaves_node = false;
  for (const LinkLoad& load : pattern.loads) {
    const Link& link = cluster.fabric.link(load.link);
    leaves_node = leaves_node || cluster.fabric.vertex(link.from).node != cluster.fabric.vertex(link.to).node;
    const double time = load.weight / link.bandwidth.value;
    if (time <= fullest) continue;
    fullest = time;
    over_host_bus = cluster.fabric.link_class(link.link_class).name.starts_with("pcie");
  }
  if (over_host_bus) return host_bus;
  if (leaves_node) return scale_out;
  return !cluster.pools.empty() && cluster.pools[0].devices_per_node == 2 ? "bridged-pair" : scale_up;
}

void add_error_bands(Metrics& metrics, const Cluster& cluster, std::span<const PlacedJob> placed,
                     const Library& library) {
  const ErrorBands bands = load_error_bands(library);
  for (std::size_t j = 0; j < placed.size(); ++j) {
    JobMetrics& job = metrics.jobs[j];
    if (!(job.iteration_s > 0) || !compared_with_measurements(cluster, placed[j].devices, library)) continue;
    ClassShares shares = step_shares(bands, job);
    double constant = 0;
    if (placed[j].job.software.bitstream_load) std::swap(constant, shares[host_bus]);
    const BandFactors factors = whole_band(bands, shares);
    const double predicted = job.iteration_s - constant;
    job.iteration_s_low = constant + predicted * factors.low;
    job.iteration_s_high = constant + predicted * factors.high;
  }
}

}  // namespace orrery
