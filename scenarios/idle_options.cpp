#include "scenarios/idle_options.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "kernels/collectives/user_schedule.hpp"
#include "sim/unit_text.hpp"
#include "topologies/fabric_fields.hpp"

namespace orrery {

namespace {

// Gathers "NAME: OPTION has no effect: WHY" where an option is set and idle.
class Idle {
 public:
  explicit Idle(std::string where) : where_(std::move(where)) {}
  void when(bool set_and_idle, const char* option, const std::string& why) {
    if (set_and_idle) lines_.push_back(fmt::format("{}: {} has no effect: {}", where_, option, why));
  }
  // Set, and taken for something else.
  void otherwise(bool so, const char* option, const std::string& what) {
    if (so) lines_.push_back(fmt::format("{}: {}: {}", where_, option, what));
  }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::string where_;
  std::vector<std::string> lines_;
};

int links_per_device(const NodeModel& node) {
  const auto& device = node.device.scale_up;
  return node.scale_up.links_per_device.value_or(device ? device->links.value_or(1) : 1);
}

std::string node_links(const NodeModel& node) {
  return fmt::format("{} x {}", links_per_device(node), human(node.scale_up.link->bandwidth_per_direction));
}

// The device states another rate of the same link than the node has; another link is the node's free choice.
bool overruled(const NodeModel& node) {
  const auto& device = node.device.scale_up;
  const auto& link = node.scale_up.link;
  if (!link || node.devices == 1 || !device || !device->bandwidth_per_direction || device->link != link->name)
    return false;
  const double wired = links_per_device(node) * link->bandwidth_per_direction.value;
  return std::abs(device->bandwidth_per_direction->value / wired - 1) > 0.01;
}

// Another clock than that of the library's device of this name, whose peaks it keeps.
bool clocked(const DeviceModel& device, const Library& library) {
  if (device.name.empty() || library.find("hardware/accelerators", device.name).empty()) return false;
  const auto shipped = load_part<DeviceModel>("hardware/accelerators", device.name, library);
  if (device.clock == shipped.clock && device.boost_clock == shipped.boost_clock) return false;
  return write_spec(device)["peak"] == write_spec(shipped)["peak"];
}

// What the family of a fabric, or of one inside its regions, makes nothing of.
void fabric_fields(const FabricSpec& fabric, const std::string& name, bool detours, Idle& idle) {
  for (const std::string& field : idle_fields(fabric)) {
    const bool draws = detours && (field == "ecmp" || field == "seed");  // ways around failures, and inside nodes
    idle.when(!draws, (name + " " + field).c_str(), "kind \"" + fabric.kind + "\" does not use it");
  }
  idle.when(fabric.kind == "fat-tree" && fabric.levels == 1 && fabric.oversubscription != 1,
            (name + " oversubscription").c_str(), "one level is one switch, with no way up");
  if (fabric.kind == "fat-tree" && fabric.levels > 1) {
    const double got = leaf_oversubscription(fabric);
    idle.otherwise(std::abs(got / fabric.oversubscription - 1) > 0.01, (name + " oversubscription").c_str(),
                   fmt::format("{:.3g} : 1, not {:.3g} : 1, is what whole ports of a leaf of {} give", got,
                               fabric.oversubscription, fabric.radix));
  }
  for (std::size_t i = 0; i < fabric.inside.size(); ++i)
    fabric_fields(fabric.inside[i], fmt::format("{} inside/{}", name, i), detours, idle);
}

// Why no collective of the job runs as this schedule.
std::string unmatched(const CollectiveSpec& own, const std::set<CollectiveShape>& collectives) {
  std::string sizes;
  for (const CollectiveShape& shape : collectives)
    if (shape.kind == own.proved->kind) sizes += (sizes.empty() ? "" : ", ") + std::to_string(shape.ranks);
  return sizes.empty() ? fmt::format("the job runs no {}", own.collective)
                       : fmt::format("the job runs {} over {} devices", own.collective, sizes);
}

}  // namespace

std::vector<std::string> idle_options(const ClusterSpec& cluster, const Library& library) {
  Idle idle(cluster.name.empty() ? "cluster" : cluster.name);
  const FabricSpec defaults, &fabric = cluster.fabric;
  int nodes = 0;
  for (const PoolSpec& pool : cluster.pools) {
    nodes += pool.count;
    idle.when(pool.slow_factor != 1 && pool.slow_devices.empty(), "slow_factor", "slow_devices names none");
    idle.when(
        clocked(pool.node.device, library), "the device's clock",
        "peaks are rates at the clock of the data sheet; a device at another clock has other figures in \"peak\"");
    idle.when(overruled(pool.node), "the device's scale_up bandwidth_per_direction",
              "the node's own scale_up link (" + node_links(pool.node) + ") says what its devices are wired with");
    idle.when(pool.slow_factor == 1 && !pool.slow_devices.empty(), "slow_devices", "slow_factor is 1, nominal speed");
  }
  const bool no_fabric = nodes == 1 || fabric.kind == "none";
  const std::string why = nodes == 1 ? "one node has no fabric to cross" : "the fabric is \"none\"";
  idle.when(no_fabric && fabric.oversubscription != defaults.oversubscription, "fabric oversubscription", why);
  idle.when(no_fabric && fabric.rail_optimized, "fabric rail_optimized", why);
  idle.when(no_fabric && fabric.ecmp != defaults.ecmp, "fabric ecmp", why);
  idle.when(!no_fabric && fabric.seed != defaults.seed && fabric.ecmp == "ideal", "fabric seed",
            "ideal ecmp spreads evenly and draws nothing");
  const bool lattices = std::any_of(cluster.pools.begin(), cluster.pools.end(), [](const PoolSpec& pool) {
    return pool.node.scale_up.kind == "torus" || pool.node.scale_up.kind == "mesh" || pool.node.scale_up.kind == "ring";
  });
  if (!no_fabric) fabric_fields(fabric, "fabric", lattices || !cluster.degraded.empty(), idle);
  for (std::size_t i = 0; i < cluster.degraded.size(); ++i)
    idle.when(cluster.degraded[i].rate == 1, fmt::format("degraded/{}", i).c_str(), "rate is 1, nominal bandwidth");
  return idle.take();
}

std::vector<std::string> idle_options(const CostSpec& cost) {
  Idle idle("cost");
  const CostSpec defaults;
  const bool rental = cost.basis == CostBasis::rental;
  const std::string why = "basis is \"rental\", whose price holds it";
  idle.when(rental && cost.amortization != defaults.amortization, "amortization", why);
  idle.when(rental && cost.utilization != defaults.utilization, "utilization", why);
  idle.when(rental && cost.electricity != defaults.electricity, "electricity", why);
  idle.when(rental && cost.pue != defaults.pue, "pue", why);
  return idle.take();
}

std::vector<std::string> idle_options(const JobSpec& job, const ResolvedPlan& resolved,
                                      const std::set<CollectiveShape>& collectives) {
  Idle idle(job.name);
  const Plan& plan = job.plan;
  idle.when(plan.sequence_parallel && plan.tensor == 1, "sequence_parallel", "tensor is 1");
  idle.when(plan.zero_stage > 0 && resolved.zero_stage == 0, "zero_stage",
            resolved.shards() == 1 ? "there is one data-parallel rank" : "zero_group is 1: every rank has all");
  idle.when(plan.zero_group && plan.zero_stage == 0, "zero_group", "zero_stage is 0");
  idle.when(plan.layer_split == LayerSplit::balanced && plan.pipeline == 1, "layer_split", "pipeline is 1");
  idle.when(plan.recompute == Recompute::partial && plan.recompute_fraction == 0, "recompute",
            "recompute_fraction is 0");
  idle.when(plan.schedule && plan.pipeline == 1, "schedule", "pipeline is 1: a micro-batch is done before the next");
  idle.when(plan.recompute == Recompute::selective && job.software.attention != AttentionImplementation::unfused,
            "recompute", "fused attention keeps no scores that \"selective\" could recompute");
  for (std::size_t i = 0; i < job.collectives.size(); ++i)
    if (const CollectiveSpec& own = job.collectives[i]; !collectives.contains(own.proved->shape()))
      idle.when(true, fmt::format("collectives/{}", i).c_str(), unmatched(own, collectives));
  return idle.take();
}

}  // namespace orrery
