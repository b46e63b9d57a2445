// Composes a cluster: pools of nodes, each stamped from its wiring template; NICs; the scale-out fabric; nested domains.
#include <algorithm>

#include "sim/error.hpp"
#include "topologies/cluster_router.hpp"
#include "topologies/cluster_spec.hpp"
#include "topologies/degraded.hpp"
#include "topologies/memory_pools.hpp"
#include "topologies/wiring.hpp"

namespace orrery {

namespace {

constexpr std::int64_t most_devices = 1 << 24;

struct PoolPlan {  // what all nodes of a pool have in common
  const PoolSpec* spec = nullptr;
  std::string pointer;
  LinkClassId scale_up_class, optical_class, nic_class, host_class;
  std::string calibration;
  bool reduces = false;
  int nics = 0, cables_per_nic = 1;
  BytesPerSecond nic_bandwidth{0}, host_bandwidth{0};
  Seconds nic_latency{0};
  bool host_known = false;  // the device's link to its NIC, and the NIC's into the node
  bool wired = false;       // has scale-up links
};

[[noreturn]] void fault(const std::string& pointer, std::string expected, std::string found) {
  throw SpecError("", pointer, std::move(expected), std::move(found));
}

NodeWiring wire_node(const FabricSpec& fabric_spec, PoolPlan& plan, Fabric& fabric) {
  const NodeModel& node = plan.spec->node;
  const ScaleUpSpec& spec = node.scale_up;
  const std::string pointer = plan.pointer + "/node/scale_up";
  const auto& family = find_family(scale_up_catalog(), spec.kind, pointer + "/kind");
  expect_options(spec.options, family.options, pointer + "/options");  // also where one device needs no links
  ScaleUpInput in{spec,
                  node.devices,
                  {},
                  {},
                  1,
                  true,
                  spec.links_per_device.has_value(),
                  fabric_spec.ecmp != "hash",
                  static_cast<std::uint64_t>(fabric_spec.seed),
                  pointer};
  plan.wired = spec.kind != "none" && node.devices > 1;
  if (spec.links_per_device)
    in.ports_per_device = *spec.links_per_device;
  else if (node.device.scale_up && node.device.scale_up->links)
    in.ports_per_device = *node.device.scale_up->links;
  else
    in.counted = false;
  if (spec.link) {
    in.port = payload(*spec.link);
    in.latency = spec.link->latency.value_or(Seconds(0));
    plan.scale_up_class = add_class(fabric, *spec.link);
    plan.calibration = spec.link->name;
  } else if (node.device.scale_up && node.device.scale_up->bandwidth_per_direction) {
    in.port = *node.device.scale_up->bandwidth_per_direction / in.ports_per_device;
    plan.scale_up_class = fabric.add_link_class({node.device.scale_up->link, {}, {}});
    plan.calibration = node.device.scale_up->link;
  } else if (plan.wired) {
    fault(pointer + "/link", "the link between the node's devices", "none");
  }
  if (plan.wired && !(in.port > BytesPerSecond(0)))
    fault(pointer + "/link", "a bandwidth above zero", format_quantity(in.port.value, Dimension::bandwidth));
  if (spec.optical_link && spec.kind != "torus")
    fault(pointer + "/optical_link", "none but for a torus of cubes", "one for kind \"" + spec.kind + "\"");
  if (spec.optical_link && plan.wired) {
    const LinkClass light = fabric.link_class(add_class(fabric, *spec.optical_link)),
                    &near = fabric.link_class(plan.scale_up_class);
    plan.optical_class = fabric.add_link_class(
        {near.name + " through " + light.name, sum(near.energy, light.energy), light.reconfiguration});
  }
  NodeWiring wiring = plan.wired ? family.build(in) : NodeWiring{};
  wiring.devices = node.devices;
  const bool generation_reduces = spec.link && spec.link->in_network_reduction.value_or(false);
  plan.reduces = plan.wired && spec.in_network_reduction.value_or(generation_reduces && wiring.can_reduce);
  if (plan.reduces && !wiring.can_reduce)
    fault(pointer + "/in_network_reduction", "false: only a switch can reduce", "true for kind \"" + spec.kind + "\"");
  return wiring;
}

// A device's link to its host is known by name only, and costs what the node's other links of that name do. A device
// without one meets its NIC directly.
LinkClassId host_class(const PoolPlan& plan, Fabric& fabric) {
  const auto& host = plan.spec->node.device.host_link;
  const std::string name = host && !host->link.empty() ? host->link : "nic-attachment";
  for (const LinkClassId known : {plan.scale_up_class, plan.nic_class})
    if (known.valid() && fabric.link_class(known).name == name) return known;
  return fabric.add_link_class({name, {}, {}});
}

// NICs beyond one per device are bundled, so that a device spreads over all of its own.
void plan_nics(PoolPlan& plan, Fabric& fabric) {
  const NodeModel& node = plan.spec->node;
  if (!node.nics) return;
  const std::string pointer = plan.pointer + "/node/nics";
  plan.nics = std::min(node.nics->count, node.devices);
  if (node.nics->count % plan.nics != 0)
    fault(pointer + "/count",
          "at most one NIC per device, or a multiple of the " + std::to_string(node.devices) + " devices",
          std::to_string(node.nics->count));
  plan.cables_per_nic = node.nics->count / plan.nics;
  plan.nic_bandwidth = payload(node.nics->link) * plan.cables_per_nic;
  if (!(plan.nic_bandwidth > BytesPerSecond(0))) fault(pointer + "/link", "a bandwidth above zero", "0 B/s");
  plan.nic_latency = node.nics->link.latency.value_or(Seconds(0));
  plan.nic_class = add_class(fabric, node.nics->link);
  const auto& host = node.device.host_link;
  plan.host_known = host && host->bandwidth_per_direction;
  plan.host_bandwidth = plan.host_known ? *host->bandwidth_per_direction : plan.nic_bandwidth;
  if (!(plan.host_bandwidth > BytesPerSecond(0)))
    fault(plan.pointer + "/node/device/host_link/bandwidth_per_direction", "a bandwidth above zero", "0 B/s");
  plan.host_class = host_class(plan, fabric);
}

class Composer {
 public:
  explicit Composer(const ClusterSpec& spec) : spec_(spec) {}
  Cluster build() &&;
  std::vector<NetworkItem> take_network() { return std::move(network_); }

 private:
  void plan_pools();
  void stamp_pool(std::size_t pool);
  void stamp_node(std::size_t pool, std::uint32_t node);
  void attach_nics(const NodeSeat&, const PoolPlan&, const NodeWiring&);
  bool needs_fabric() const;
  void join_nodes();
  void add_domains();
  DomainId add_fabric_domain(DomainKind, int level, DomainId parent, std::vector<DeviceId> members,
                             std::vector<int> dimensions = {});
  std::vector<DeviceId> devices_of(std::uint32_t node) const;
  const PoolPlan& slowest_of(const std::vector<DeviceId>&) const;

  const ClusterSpec& spec_;
  Cluster cluster_;
  std::vector<PoolPlan> plans_;
  std::vector<PoolWiring> wirings_;
  std::vector<NodeSeat> nodes_;
  std::vector<FabricPort> ports_;
  std::vector<LinkId> host_links_;
  FabricWiring fabric_wiring_;
  std::vector<NetworkItem> network_;
  bool joined_ = false;
};

void Composer::plan_pools() {
  std::int64_t devices = 0;
  std::vector<Fault> faults;  // of all pools
  if (spec_.pools.empty()) fault("/pools", "at least one pool of nodes", "none");
  for (std::size_t i = 0; i < spec_.pools.size(); ++i) {
    PoolPlan plan;
    plan.spec = &spec_.pools[i];
    plan.pointer = "/pools/" + std::to_string(i);
    devices += static_cast<std::int64_t>(plan.spec->count) * plan.spec->node.devices;
    if (plan.spec->count < 1 || plan.spec->node.devices < 1) fault(plan.pointer, "at least one device", "none");
    if (devices > most_devices)
      fault(plan.pointer + "/count", "at most " + std::to_string(most_devices) + " devices", std::to_string(devices));
    try {
      wirings_.push_back({wire_node(spec_.fabric, plan, cluster_.fabric), 0});
      plan_nics(plan, cluster_.fabric);
      wirings_.back().nics = plan.nics;
    } catch (const SpecError& error) {
      faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    }
    plans_.push_back(std::move(plan));
  }
  if (!faults.empty()) throw SpecError(std::move(faults));
}

void Composer::stamp_node(std::size_t pool, std::uint32_t node) {
  Fabric& fabric = cluster_.fabric;
  const PoolPlan& plan = plans_[pool];
  const NodeWiring& wiring = wirings_[pool].node;
  NodeSeat seat;
  seat.first_vertex = static_cast<std::uint32_t>(fabric.vertices().size());
  seat.first_link = static_cast<std::uint32_t>(fabric.links().size());
  seat.first_device = static_cast<std::uint32_t>(cluster_.type_of.size());
  seat.first_port = static_cast<std::uint32_t>(ports_.size());
  seat.pool = static_cast<std::uint32_t>(pool);
  const auto at = [&](int local) { return VertexId(seat.first_vertex + static_cast<std::size_t>(local)); };
  for (int d = 0; d < wiring.devices; ++d) {
    fabric.add_vertex({VertexKind::device, node, DeviceId(cluster_.type_of.size())});
    cluster_.type_of.push_back(DeviceTypeId(pool));
  }
  for (int s = 0; s < wiring.switches; ++s) fabric.add_vertex({VertexKind::network_switch, node, {}});
  for (const LocalLink& link : wiring.links)
    fabric.add_link({at(link.from), at(link.to), link.bandwidth, link.latency,
                     link.optical ? plan.optical_class : plan.scale_up_class, 0, link.cables});
  for (int n = 0; n < plan.nics; ++n) {
    const VertexId nic = fabric.add_vertex({VertexKind::nic, node, {}});
    ports_.push_back({nic, node, n, plan.cables_per_nic, plan.nic_bandwidth, plan.nic_latency, plan.nic_class,
                      &*plan.spec->node.nics});
  }
  attach_nics(seat, plan, wiring);
  nodes_.push_back(seat);
}

// A device's own link to its NIC; or, in a PCIe tree, the NIC's slot on the switch of the first device that uses it.
void Composer::attach_nics(const NodeSeat& seat, const PoolPlan& plan, const NodeWiring& wiring) {
  Fabric& fabric = cluster_.fabric;
  int slot_of = -1;
  for (int d = 0; d < wiring.devices; ++d) {
    if (plan.nics == 0) {
      host_links_.emplace_back();
      continue;
    }
    const int n = nic_of(d, wiring.devices, plan.nics);
    const VertexId nic = ports_[seat.first_port + static_cast<std::size_t>(n)].nic;
    const bool own = wiring.switch_of_device.empty();
    if (!own && slot_of == n) {
      host_links_.push_back(host_links_.back());
      continue;
    }
    slot_of = n;
    const int from = own ? d : wiring.switch_of_device[static_cast<std::size_t>(d)];
    const int cables = plan.host_known && own ? 1 : plan.cables_per_nic;
    const BytesPerSecond width = plan.host_known && !own ? plan.host_bandwidth * plan.cables_per_nic
                                                         : plan.host_bandwidth;
    host_links_.push_back(fabric.add_cable(VertexId(seat.first_vertex + static_cast<std::size_t>(from)), nic, width,
                                           Seconds(0), plan.host_class, 0, cables));
  }
}

void Composer::stamp_pool(std::size_t pool) {
  const PoolSpec& spec = spec_.pools[pool];
  Pool made;
  made.name = spec.name.empty() ? spec.node.name : spec.name;
  made.type = DeviceTypeId(pool);
  made.first_device = cluster_.type_of.size();
  made.devices_per_node = static_cast<std::size_t>(spec.node.devices);
  made.devices = made.devices_per_node * static_cast<std::size_t>(spec.count);
  if (spec.node.nics) made.nic_link = spec.node.nics->link.name;
  for (int n = 0; n < spec.count; ++n) stamp_node(pool, static_cast<std::uint32_t>(nodes_.size()));
  cluster_.speed.resize(cluster_.type_of.size(), 1);
  std::vector<Fault> faults;
  for (std::size_t i = 0; i < spec.slow_devices.size(); ++i) {
    const int slow = spec.slow_devices[i];
    const auto before = spec.slow_devices.begin() + static_cast<std::ptrdiff_t>(i);
    const bool known = slow >= 0 && static_cast<std::size_t>(slow) < made.devices;
    const bool again = std::find(spec.slow_devices.begin(), before, slow) != before;
    if (known) cluster_.speed[made.first_device + static_cast<std::size_t>(slow)] = spec.slow_factor;
    if (!known || again)
      faults.push_back({"", plans_[pool].pointer + "/slow_devices/" + std::to_string(i),
                        known ? "each device once" : "a device of the pool, 0 to " + std::to_string(made.devices - 1),
                        std::to_string(slow)});
  }
  if (!faults.empty()) throw SpecError(faults);
  cluster_.device_types.push_back(spec.node.device);
  cluster_.host_power.push_back(spec.node.host_power.value_or(Watts(0)) / spec.node.devices);
  cluster_.pools.push_back(std::move(made));
}

// Whether anything crosses the fabric: not inside one node alone. What cannot be joined is refused before it is built.
bool Composer::needs_fabric() const {
  check_families(spec_.fabric, "/fabric");  // also where one node needs none
  std::int64_t nodes = 0;
  for (const PoolPlan& plan : plans_) nodes += plan.spec->count;
  if (nodes == 1 && (plans_[0].wired || plans_[0].spec->node.devices == 1)) return false;
  for (const PoolPlan& plan : plans_)
    if (plan.nics == 0)
      fault(plan.pointer + "/node/nics",
            nodes > 1 ? "NICs, to join " + std::to_string(nodes) + " nodes"
                      : "NICs or scale-up links, to join the node's devices",
            "none");
  if (spec_.fabric.kind == "none") fault("/fabric/kind", "a fabric that joins the cluster's nodes", "\"none\"");
  return true;
}

void Composer::join_nodes() {
  const FabricSpec& spec = spec_.fabric;
  FabricInput in{cluster_.fabric, spec, ports_, static_cast<std::uint32_t>(nodes_.size())};
  NetworkInventory inventory;
  in.inventory = &inventory;
  for (const FabricPort& port : ports_)
    inventory.nics(*port.nics, port.cables, plans_[nodes_[port.node].pool].spec->node.host_power.has_value());
  fabric_wiring_ = join_fabric(in);
  network_ = inventory.items();
  joined_ = true;
}

std::vector<DeviceId> Composer::devices_of(std::uint32_t node) const {
  std::vector<DeviceId> members;
  const NodeSeat& seat = nodes_[node];
  for (int d = 0; d < wirings_[seat.pool].node.devices; ++d)
    members.emplace_back(seat.first_device + static_cast<std::size_t>(d));
  return members;
}

// The pool whose NICs offer a device the least, whatever the order of pools.
const PoolPlan& Composer::slowest_of(const std::vector<DeviceId>& devices) const {
  const auto rank = [](const PoolPlan& plan) {
    return std::pair(std::min(plan.nic_bandwidth, plan.host_bandwidth), plan.spec->node.nics->link.name);
  };
  const PoolPlan* slowest = nullptr;
  for (DeviceId device : devices) {
    const PoolPlan& plan = plans_[cluster_.type_of[device.index()].index()];
    if (!slowest || (&plan != slowest && rank(plan) < rank(*slowest))) slowest = &plan;
  }
  return *slowest;
}

DomainId Composer::add_fabric_domain(DomainKind kind, int level, DomainId parent, std::vector<DeviceId> members,
                                     std::vector<int> dimensions) {
  Domain domain;
  domain.kind = kind;
  domain.level = level;
  domain.parent = parent;
  domain.members = std::move(members);
  domain.dimensions = std::move(dimensions);
  const PoolPlan& plan = slowest_of(domain.members);
  domain.link_class = plan.nic_class;
  domain.bandwidth_per_device = std::min(plan.nic_bandwidth, plan.host_bandwidth);
  domain.calibration = plan.spec->node.nics->link.name;
  domain.in_network_reduction = flag_of(spec_.fabric.options, "in_network_reduction", "/fabric/options");
  return cluster_.fabric.add_domain(std::move(domain));
}

void Composer::add_domains() {
  std::vector<DomainId> parent_of_node(nodes_.size());
  if (joined_) {
    const int top = static_cast<int>(fabric_wiring_.levels.size()) + 1;
    std::vector<DeviceId> all;
    for (std::size_t d = 0; d < cluster_.type_of.size(); ++d) all.emplace_back(d);
    const DomainId whole = add_fabric_domain(fabric_wiring_.kind, top, {}, std::move(all), fabric_wiring_.dimensions);
    std::fill(parent_of_node.begin(), parent_of_node.end(), whole);
    for (int level = top - 1; level >= 1; --level) {
      const FabricLevel& groups = fabric_wiring_.levels[static_cast<std::size_t>(level - 1)];
      const std::uint32_t count = *std::max_element(groups.group_of_node.begin(), groups.group_of_node.end()) + 1;
      if (count < 2) continue;  // the same devices as the level above
      std::vector<std::vector<DeviceId>> members(count);
      std::vector<DomainId> parent(count);
      for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
        auto& group = members[groups.group_of_node[node]];
        for (DeviceId d : devices_of(node)) group.push_back(d);
        parent[groups.group_of_node[node]] = parent_of_node[node];
      }
      std::vector<DomainId> made(count);
      for (std::uint32_t g = 0; g < count; ++g)
        made[g] = add_fabric_domain(groups.kind_of(g), level, parent[g], std::move(members[g]));
      for (std::uint32_t node = 0; node < nodes_.size(); ++node)
        parent_of_node[node] = made[groups.group_of_node[node]];
    }
  }
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
    const PoolPlan& plan = plans_[nodes_[node].pool];
    const NodeWiring& wiring = wirings_[nodes_[node].pool].node;
    if (!plan.wired && wiring.devices > 1) continue;  // its devices share no level of their own
    Domain domain;
    domain.kind = wiring.kind;
    domain.level = 0;
    domain.parent = parent_of_node[node];
    domain.members = devices_of(node);
    domain.dimensions = wiring.dimensions;
    domain.in_network_reduction = plan.reduces;
    domain.link_class = plan.scale_up_class;
    domain.bandwidth_per_device = wiring.bandwidth_per_device;
    domain.calibration = plan.calibration;
    cluster_.fabric.add_domain(std::move(domain));
  }
}

Cluster Composer::build() && {
  cluster_.name = spec_.name;
  plan_pools();
  const bool joins = needs_fabric();
  for (std::size_t pool = 0; pool < plans_.size(); ++pool) stamp_pool(pool);
  if (joins) join_nodes();
  add_domains();
  if (!cluster_.fabric.connected())
    fault("", "a network in which every device reaches every other", "a disconnected one");
  std::vector<std::uint32_t> node_of_vertex;
  for (const Vertex& v : cluster_.fabric.vertices()) node_of_vertex.push_back(v.node);
  auto router = std::make_unique<ClusterRouter>(std::move(node_of_vertex), std::move(nodes_), std::move(wirings_),
                                                std::move(host_links_), std::move(fabric_wiring_.router),
                                                flag_of(spec_.fabric.options, "pxn", "/fabric/options"));
  if (flag_of(spec_.fabric.options, "in_network_reduction", "/fabric/options"))
    router->end_at_switches(cluster_.fabric);
  cluster_.router = std::move(router);
  return std::move(cluster_);
}

}  // namespace

Cluster build_cluster(const ClusterSpec& spec, std::vector<NetworkItem>& network) {
  Composer composer(spec);
  Cluster cluster = std::move(composer).build();
  network = composer.take_network();
  wire_memory_pools(spec, cluster);
  degrade(spec, cluster);
  return cluster;
}

Cluster build_cluster(const ClusterSpec& spec) {
  std::vector<NetworkItem> network;
  return build_cluster(spec, network);
}

}  // namespace orrery
