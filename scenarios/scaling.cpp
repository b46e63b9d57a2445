#include "scenarios/scaling.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace orrery {
namespace {

constexpr std::int64_t most_devices = 1 << 20;

std::int64_t parse_count(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most_devices)
    throw std::invalid_argument(fmt::format("a number of devices from 1 to {}, found \"{}\"", most_devices, text));
  return value;
}

void parse_item(std::string_view item, std::vector<std::int64_t>& into) {
  const std::size_t dots = item.find("..");
  if (dots == std::string_view::npos) {
    into.push_back(parse_count(item));
    return;
  }
  const std::int64_t first = parse_count(item.substr(0, dots)), last = parse_count(item.substr(dots + 2));
  if (first > last) throw std::invalid_argument(fmt::format("a range that grows, found \"{}\"", item));
  for (std::int64_t n = first; n < last; n *= 2) into.push_back(n);
  into.push_back(last);
}

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

bool is_slice(const ClusterSpec& cluster) {
  const PoolSpec& pool = cluster.pools.front();
  return pool.count == 1 && cluster.fabric.kind == "none" && pool.node.scale_up.kind == "torus" &&
         !pool.node.scale_up.dimensions.empty();
}

std::string shape_text(const std::vector<int>& sides) { return fmt::format("{}", fmt::join(sides, "x")); }

// Makes the torus `factor` times as large: its prime factors, largest first, go to the side that is shortest by then.
void grow_slice(NodeModel& node, std::int64_t factor) {
  std::vector<int> primes;
  std::int64_t grown = 1;
  for (int prime = 2; factor / grown > 1; ++prime)
    for (; factor / grown % prime == 0; grown *= prime) primes.push_back(prime);
  std::vector<int>& sides = node.scale_up.dimensions;
  for (auto prime = primes.rbegin(); prime != primes.rend(); ++prime)
    *std::min_element(sides.rbegin(), sides.rend()) *= *prime;
  node.devices = static_cast<int>(node.devices * factor);
  if (node.nics) node.nics->count = static_cast<int>(node.nics->count * factor);
  if (node.host_power) node.host_power = *node.host_power * static_cast<double>(factor);
}

// Edits one scenario; the first rule that cannot be met ends it.
class Scaler {
 public:
  Scaler(const Scenario& scenario, std::int64_t devices, ScalingMode mode)
      : scenario_(scenario), stated_(devices_of(scenario)), devices_(devices), mode_(mode) {}

  ScaledScenario run() {
    const bool fits = set_slice();
    result_.document = write_spec(scenario_);
    set_nodes();
    if (fits && set_data() && set_batch()) {
      set_zero_group();
      set_fabric();
    }
    return std::move(result_);
  }

 private:
  Json& at(const char* pointer) { return result_.document[Json::json_pointer(pointer)]; }
  bool fail(std::string reason) {
    result_.impossible = std::move(reason);
    return false;
  }

  bool set_slice() {
    NodeModel& node = scenario_.cluster.pools.front().node;
    if (!is_slice(scenario_.cluster) || devices_ <= node.devices) return true;
    const std::string before = shape_text(node.scale_up.dimensions);
    if (devices_ % node.devices != 0)
      return fail(fmt::format("{} devices are no multiple of the slice {}, which grows as a whole", devices_, before));
    grow_slice(node, devices_ / node.devices);
    const std::string after = shape_text(node.scale_up.dimensions);
    node.name = fmt::format("{} as {}", node.name, after);
    node.title.clear();
    result_.changes.push_back(fmt::format("slice {} -> {}", before, after));
    return true;
  }

  void set_nodes() {
    const PoolSpec& pool = scenario_.cluster.pools.front();
    const std::int64_t per_node = pool.node.devices;
    const std::int64_t first = job_.placement ? job_.placement->first : 0, end = first + devices_;
    result_.nodes = ceil_div(end, per_node) - first / per_node;
    pool_nodes_ = ceil_div(end, per_node);
    if (job_.placement) pool_nodes_ = std::max<std::int64_t>(pool_nodes_, pool.count);
    at("/cluster/pools/0/count") = pool_nodes_;
    Json& job = at("/jobs/0");
    job.erase("placement");
    if (devices_ != pool_nodes_ * per_node) job["placement"] = {{"first", first}, {"count", devices_}};
    std::vector<int> slow;
    for (const int device : pool.slow_devices)
      if (device < pool_nodes_ * per_node) slow.push_back(device);
    if (slow.size() == pool.slow_devices.size()) return;
    at("/cluster/pools/0/slow_devices") = slow;
    result_.changes.push_back(fmt::format("slow devices {} -> {}: the others are not part of this size",
                                          pool.slow_devices.size(), slow.size()));
  }

  bool set_data() {
    const Plan& plan = job_.plan;
    const std::int64_t inner = std::int64_t{plan.tensor} * plan.pipeline * plan.context;
    if (devices_ % inner != 0)
      return fail(fmt::format("tensor x pipeline x context = {} x {} x {} = {} does not divide {} devices", plan.tensor,
                              plan.pipeline, plan.context, inner, devices_));
    data_ = devices_ / inner;
    at("/jobs/0/plan")["data"] = data_;
    return true;
  }

  bool set_batch() {
    std::int64_t global = job_.batch.global;
    if (mode_ == ScalingMode::weak) {
      if (global * devices_ % stated_ != 0)
        return fail(fmt::format("a global batch of {} on {} devices is no whole number of sequences on {}", global,
                                stated_, devices_));
      global = global * devices_ / stated_;
    }
    if (global % data_ != 0)
      return fail(fmt::format("a global batch of {} does not divide over {} replicas", global, data_));
    const std::int64_t share = global / data_;
    const bool interleaved = job_.plan.virtual_pipeline > 1;
    std::int64_t micro = std::min(job_.batch.micro, share);
    const auto fits = [&](std::int64_t m) {
      return share % m == 0 && (!interleaved || share / m % job_.plan.pipeline == 0);
    };
    while (micro > 1 && !fits(micro)) --micro;
    if (!fits(micro))
      return fail(
          fmt::format("a replica's {} sequences are no multiple of {} stages, as the interleaved schedule needs", share,
                      job_.plan.pipeline));
    if (micro != job_.batch.micro)
      result_.changes.push_back(
          fmt::format("micro-batch {} -> {}: a replica has {} sequences", job_.batch.micro, micro, share));
    at("/jobs/0/batch") = {{"global", global}, {"micro", micro}};
    return true;
  }

  void set_zero_group() {
    const Plan& plan = job_.plan;
    if (!plan.zero_group) return;
    const std::int64_t inner = std::int64_t{plan.tensor} * plan.pipeline * plan.context;
    const std::int64_t stated_shards = stated_ / inner * plan.context, shards = data_ * plan.context;
    std::int64_t group = *plan.zero_group;
    if (group == stated_shards) {
      group = shards;
    } else {
      group = std::gcd(group, shards);
      if (group != *plan.zero_group)
        result_.changes.push_back(
            fmt::format("ZeRO group {} -> {}: there are {} data x context ranks", *plan.zero_group, group, shards));
    }
    at("/jobs/0/plan")["zero_group"] = group;
  }

  // The stated fabric where it fits, else the next larger of its family.
  void set_fabric() {
    ClusterSpec cluster = scenario_.cluster;
    cluster.pools.front().count = static_cast<int>(pool_nodes_);
    cluster.pools.front().slow_devices.clear();
    std::string reason, place;
    bool dropped = false;
    do {
      try {
        build_cluster(cluster);
        if (write_spec(cluster.fabric) != write_spec(scenario_.cluster.fabric)) keep_fabric(cluster.fabric);
        if (cluster.degraded.size() < scenario_.cluster.degraded.size())
          at("/cluster")["degraded"] = write_spec(cluster).value("degraded", Json::array());
        return;
      } catch (const SpecError& error) {
        const Fault& fault = error.faults().front();
        place = fault.pointer;
        dropped = drop_degraded(cluster.degraded, fault);
        if (dropped) continue;
        reason = fmt::format("{}: expected {}, found {}", "/cluster" + fault.pointer, fault.expected, fault.found);
        if (cluster.fabric.kind == "none")
          reason += R"( (e.g. --set '/cluster/fabric={"kind": "fat-tree"}', and "nics" in the node))";
      }
    } while (dropped || grow(cluster.fabric, place));
    fail(reason);
  }

  static bool is_place(std::string_view key) { return key.starts_with("/at") || key.starts_with("/between"); }

  // A degraded place that this size does not have is left out, as a slow device is.
  bool drop_degraded(std::vector<DegradedSpec>& degraded, const Fault& fault) {
    constexpr std::string_view before = "/degraded/";
    std::size_t index = 0;
    if (!fault.pointer.starts_with(before)) return false;
    const char* const first = fault.pointer.data() + before.size();
    const auto [end, error] = std::from_chars(first, fault.pointer.data() + fault.pointer.size(), index);
    if (error != std::errc() || index >= degraded.size() || !is_place(end)) return false;
    degraded.erase(degraded.begin() + static_cast<std::ptrdiff_t>(index));
    result_.changes.push_back(fmt::format("degraded {} is not part of this size", fault.found));
    return true;
  }

  static bool grow(FabricSpec& fabric, const std::string& fault) {
    if (fabric.kind == "fat-tree") return ++fabric.levels <= 3;
    if (fabric.kind != "hyperx" || !fault.ends_with("dimensions") || !fabric.options.is_object() ||
        !fabric.options.contains("dimensions"))
      return false;
    Json& sizes = fabric.options["dimensions"];  // the shortest side grows: that keeps it nearest to a cube
    if (!sizes.is_array() || sizes.empty()) return false;
    const auto shortest = std::min_element(sizes.begin(), sizes.end());
    if (!shortest->is_number_integer() || *shortest >= fabric.radix) return false;
    *shortest = shortest->get<std::int64_t>() + 1;
    return true;
  }

  void keep_fabric(const FabricSpec& fabric) {
    at("/cluster/fabric") = write_spec(fabric);
    const FabricSpec& stated = scenario_.cluster.fabric;
    const auto change = [&](const char* what, const std::string& from, const std::string& to) {
      result_.changes.push_back(fmt::format("{} {} -> {}: {} nodes need them", what, from, to, pool_nodes_));
    };
    if (fabric.levels != stated.levels)
      change("fat-tree levels", std::to_string(stated.levels), std::to_string(fabric.levels));
    else
      change("HyperX dimensions", stated.options["dimensions"].dump(), fabric.options["dimensions"].dump());
  }

  Scenario scenario_;  // as stated, but for the size of its slice
  const JobSpec& job_ = scenario_.jobs.front();
  std::int64_t stated_, devices_, data_ = 1;  // devices: before, wanted, and those of the data-parallel dimension
  std::int64_t pool_nodes_ = 0;               // of the cluster, which may hold more than the job
  ScalingMode mode_;
  ScaledScenario result_;
};

}  // namespace

std::vector<std::int64_t> parse_device_counts(std::string_view text) {
  std::vector<std::int64_t> all;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    parse_item(text.substr(from, comma - from), all);
    from = comma + 1;
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

void check_scalable(const Scenario& scenario, const std::string& file) {
  std::vector<Fault> faults;
  if (scenario.jobs.size() != 1)
    faults.push_back({file, "/jobs", "one job, to scale it", fmt::format("{} jobs", scenario.jobs.size())});
  if (scenario.cluster.pools.size() != 1)
    faults.push_back({file, "/cluster/pools", "one pool of nodes, to scale it",
                      fmt::format("{} pools", scenario.cluster.pools.size())});
  if (!faults.empty()) throw SpecError(faults);
  // A place that a smaller size lacks is left out of it; one that the scenario itself lacks is a mistake.
  try {
    if (!scenario.cluster.degraded.empty() || !scenario.cluster.pools.front().slow_devices.empty())
      build_cluster(scenario.cluster);
  } catch (const SpecError& error) {
    const Fault& fault = error.faults().front();
    if (fault.pointer.starts_with("/degraded/") || fault.pointer.starts_with("/pools/0/slow_devices"))
      throw SpecError(file, "/cluster" + fault.pointer, fault.expected, fault.found);
  }
}

std::int64_t devices_of(const Scenario& scenario) {
  const JobSpec& job = scenario.jobs.front();
  if (job.placement) return job.placement->count;
  std::int64_t devices = 0;
  for (const PoolSpec& pool : scenario.cluster.pools) devices += std::int64_t{pool.count} * pool.node.devices;
  return devices;
}

ScaledScenario scaled(const Scenario& scenario, std::int64_t devices, ScalingMode mode) {
  return Scaler(scenario, devices, mode).run();
}

}  // namespace orrery
