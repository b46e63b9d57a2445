#include "scenarios/idle_options.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "kernels/collectives/user_schedule.hpp"
#include "sim/unit_text.hpp"
#include "topologies/fabric/families.hpp"

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

// The library's device of this name.
std::optional<DeviceModel> namesake(const DeviceModel& device, const Library& library) {
  if (device.name.empty() || library.find("hardware/accelerators", device.name).empty()) return std::nullopt;
  return load_part<DeviceModel>("hardware/accelerators", device.name, library);
}

// Another clock than that of its namesake, whose peaks it keeps.
bool clocked(const DeviceModel& device, const DeviceModel& shipped) {
  if (device.clock == shipped.clock && device.boost_clock == shipped.boost_clock) return false;
  return write_spec(device)["peak"] == write_spec(shipped)["peak"];
}

// A lower board limit than that of its namesake, at which its kernels were measured.
bool starved(const DeviceModel& device, const DeviceModel& shipped) {
  return device.power.tdp && shipped.power.tdp && *device.power.tdp < *shipped.power.tdp;
}

// The NICs that a fabric joins: what they are, and how many there are where that is known (not inside regions).
struct Joined {
  const NicSpec* nics = nullptr;
  std::int64_t cables = 0;
  bool detours = false;  // failures or lattices inside nodes, whose ways around draw as well
};

// Why nothing crosses cables between switches; "" where something may.
std::string uncrossed(const FabricSpec& fabric, const Joined& joined) {
  if (fabric.kind == "custom") {
    const bool listed = fabric.options.is_object() && fabric.options.contains("links");
    return listed && !fabric.options["links"].empty() ? "" : "no cable joins two switches";
  }
  if (fabric.kind != "fat-tree") return "";
  if (fabric.levels == 1) return "one level is one switch, with no way up";
  const bool one_leaf = joined.cables > 0 && joined.cables <= leaf_down_ports(fabric) && !fabric.rail_optimized;
  return one_leaf ? fmt::format("one leaf switch holds all {} NICs", joined.cables) : "";
}

// Switches of more ports than the part has that they are counted as.
void too_few_ports(const FabricSpec& fabric, const std::string& name, const Joined& joined, Idle& idle) {
  std::optional<NetworkPart> part = fabric.network_switch;
  const bool own_link = fabric.link && fabric.kind != "single-switch";
  if (!part && own_link) part = fabric.link->network_switch;
  if (!part && !own_link && joined.nics) part = joined.nics->link.network_switch;
  if (!part || !part->ports) return;
  const bool router = fabric.kind == "dragonfly" || fabric.kind == "dragonfly+";
  idle.otherwise(fabric.kind == "fat-tree" && fabric.radix > *part->ports, (name + " radix").c_str(),
                 fmt::format("switches of {} ports, but {} has {}: power and price are of as many as hold the cables; "
                             "a tree of them may take more",
                             fabric.radix, part->name, *part->ports));
  idle.otherwise(router && fabric.radix > *part->ports, (name + " radix").c_str(),
                 fmt::format("routers of up to {} ports, but {} has {}: one with more cables is counted as a "
                             "non-blocking tree of these",
                             fabric.radix, part->name, *part->ports));
  idle.otherwise(fabric.kind == "single-switch" && joined.cables > *part->ports, name.c_str(),
                 fmt::format("one switch for {} NICs, but {} has {} ports: counted as a non-blocking tree of these",
                             joined.cables, part->name, *part->ports));
}

// Options of all families that the nodes leave nothing to do, or that one node has no fabric for.
void shared_options(const ClusterSpec& cluster, bool no_fabric, const std::string& why, Idle& idle) {
  const Json& options = cluster.fabric.options;
  const auto set = [&](const char* key) {
    return options.is_object() && options.contains(key) && options[key] == true;
  };
  const bool one_rail = std::all_of(cluster.pools.begin(), cluster.pools.end(),
                                    [](const PoolSpec& pool) { return !pool.node.nics || pool.node.nics->count == 1; });
  idle.when(no_fabric && set("in_network_reduction"), "fabric in_network_reduction", why);
  idle.when(no_fabric && set("pxn"), "fabric pxn", why);
  idle.when(!no_fabric && set("pxn") && one_rail, "fabric pxn", "every node has one NIC: there are no rails to change");
}

// Cables to other groups that a dragonfly of like nodes has ports for and does not lay.
void global_cables(const ClusterSpec& cluster, int nodes, Idle& idle) {
  const auto nics = [](const PoolSpec& pool) { return pool.node.nics ? pool.node.nics->count : 0; };
  const int each = nics(cluster.pools.front()), devices = cluster.pools.front().node.devices;
  for (const PoolSpec& pool : cluster.pools)
    if (nics(pool) != each || pool.node.devices != devices) return;
  const int cables = std::max(1, each / devices);  // of a device's NICs together
  const GlobalPorts ports = global_ports(cluster.fabric, nodes, each / cables, cables);
  idle.otherwise(ports.groups > 1 && ports.idle > 0, "fabric global_per_router",
                 fmt::format("{} of the {} global ports of a group {} idle, too few for a cable more to each of {} "
                             "other groups",
                             ports.idle, ports.of_group, ports.idle == 1 ? "stays" : "stay", ports.groups - 1));
}

// What the family of a fabric, or of one inside its regions, makes nothing of.
void fabric_fields(const FabricSpec& fabric, const std::string& name, const Joined& joined, Idle& idle) {
  for (const std::string& field : idle_fields(fabric)) {
    const bool draws = joined.detours &&
                       (field == "ecmp" || field == "seed");  // ways around failures, and inside nodes
    idle.when(!draws, (name + " " + field).c_str(), "kind \"" + fabric.kind + "\" does not use it");
  }
  const std::string still = uncrossed(fabric, joined);
  idle.when(!still.empty() && fabric.kind == "fat-tree" && fabric.oversubscription != 1,
            (name + " oversubscription").c_str(), still);
  idle.otherwise(!still.empty() && fabric.link, (name + " link").c_str(), "no traffic crosses it: " + still);
  too_few_ports(fabric, name, joined, idle);
  if (fabric.kind == "fat-tree" && fabric.levels > 1) {
    const double got = leaf_oversubscription(fabric);
    idle.otherwise(std::abs(got / fabric.oversubscription - 1) > 0.01, (name + " oversubscription").c_str(),
                   fmt::format("{:.3g} : 1, not {:.3g} : 1, is what whole ports of a leaf of {} give", got,
                               fabric.oversubscription, fabric.radix));
  }
  for (std::size_t i = 0; i < fabric.inside.size(); ++i)
    fabric_fields(fabric.inside[i], fmt::format("{} inside/{}", name, i), {joined.nics, 0, joined.detours}, idle);
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
  Joined joined;
  for (const PoolSpec& pool : cluster.pools) {
    nodes += pool.count;
    if (pool.node.nics) joined.cables += std::int64_t{pool.count} * pool.node.nics->count;
    if (pool.node.nics && (!joined.nics || slower(joined.nics->link, pool.node.nics->link)))
      joined.nics = &*pool.node.nics;
    idle.when(pool.slow_factor != 1 && pool.slow_devices.empty(), "slow_factor", "slow_devices names none");
    const std::optional<DeviceModel> shipped = namesake(pool.node.device, library);
    idle.when(
        shipped && clocked(pool.node.device, *shipped), "the device's clock",
        "peaks are rates at the clock of the data sheet; a device at another clock has other figures in \"peak\"");
    idle.otherwise(shipped && starved(pool.node.device, *shipped), "the device's tdp",
                   "rates stay those measured at the data sheet's, as far as multiply-adds alone allow; \"limit\" of "
                   "\"power\" holds a board to less, which lowers its clock");
    idle.when(overruled(pool.node), "the device's scale_up bandwidth_per_direction",
              "the node's own scale_up link (" + node_links(pool.node) + ") says what its devices are wired with");
    idle.when(pool.slow_factor == 1 && !pool.slow_devices.empty(), "slow_devices", "slow_factor is 1, nominal speed");
  }
  const bool no_fabric = nodes == 1 || fabric.kind == "none";
  const std::string why = nodes == 1 ? "one node has no fabric to cross" : "the fabric is \"none\"";
  idle.when(no_fabric && fabric.oversubscription != defaults.oversubscription, "fabric oversubscription", why);
  idle.when(no_fabric && fabric.rail_optimized, "fabric rail_optimized", why);
  idle.when(no_fabric && fabric.ecmp != defaults.ecmp, "fabric ecmp", why);
  idle.when(!no_fabric && fabric.kind == "fat-tree" && fabric.levels == 1 && fabric.ecmp != defaults.ecmp,
            "fabric ecmp", "one level is one switch, with one way to each port");
  idle.when(!no_fabric && fabric.seed != defaults.seed && fabric.ecmp == "ideal", "fabric seed",
            "ideal ecmp spreads evenly and draws nothing");
  const bool lattices = std::any_of(cluster.pools.begin(), cluster.pools.end(), [](const PoolSpec& pool) {
    return pool.node.scale_up.kind == "torus" || pool.node.scale_up.kind == "mesh" || pool.node.scale_up.kind == "ring";
  });
  joined.detours = lattices || !cluster.degraded.empty();
  shared_options(cluster, no_fabric, why, idle);
  if (!no_fabric) fabric_fields(fabric, "fabric", joined, idle);
  if (!no_fabric) global_cables(cluster, nodes, idle);
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
  idle.when(plan.offload.to == OffloadTarget::pool && !plan.offload.any(), "offload to", "nothing is offloaded");
  const TransformerModel& model = job.model;
  idle.when(model.sliding_window && model.sliding_window->tokens >= model.sequence, "sliding_window",
            fmt::format("the sequence has {} tokens", model.sequence));
  idle.when(plan.zero_group && plan.zero_stage == 0, "zero_group", "zero_stage is 0");
  idle.when(plan.layer_split == LayerSplit::balanced && plan.pipeline == 1, "layer_split", "pipeline is 1");
  idle.when(plan.layer_split == LayerSplit::balanced && plan.pipeline > 1 &&
                model.layers % (plan.pipeline * plan.virtual_pipeline) == 0,
            "layer_split", "the layers divide evenly");
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
