#include "kernels/collectives/group.hpp"

#include <algorithm>

#include "kernels/collectives/node_paths.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

struct Seat {
  std::uint32_t node = 0;
  std::size_t local = 0, devices = 1;
};

Seat seat_of(const Cluster& cluster, DeviceId device) {
  Seat seat;
  seat.node = cluster.fabric.vertex(cluster.fabric.vertex_of(device)).node;
  for (const Pool& pool : cluster.pools)
    if (device.index() >= pool.first_device && device.index() < pool.first_device + pool.devices) {
      seat.devices = pool.devices_per_node;
      seat.local = (device.index() - pool.first_device) % pool.devices_per_node;
    }
  return seat;
}

const Domain* node_domain(const Fabric& fabric, DeviceId device) {
  const DomainId id = fabric.domain_of(device);
  if (!id.valid() || fabric.domain(id).level != 0) return nullptr;
  return &fabric.domain(id);
}

// Of the node that a device belongs to; 0 where no level above the node uses them.
std::size_t nics_of(const Fabric& fabric, DeviceId device) {
  DomainId above = fabric.domain_of(device);
  while (above.valid() && fabric.domain(above).level == 0) above = fabric.domain(above).parent;
  if (!above.valid()) return 0;
  const auto vertices = fabric.vertices();
  const std::size_t own = fabric.vertex_of(device).index();
  std::size_t nics = 0;
  for (std::size_t v = own; v < vertices.size() && vertices[v].node == vertices[own].node; ++v)
    nics += vertices[v].kind == VertexKind::nic;
  return nics;
}

// The switch that the paths between two members of a node meet, if the first hop leads to one.
VertexId switch_between(const Cluster& cluster, VertexId a, VertexId b) {
  std::vector<Hop> hops;
  cluster.router->route(a, b, 0, hops);
  if (hops.size() != 2) return {};
  const VertexId middle = cluster.fabric.link(hops[0].link).to;
  return cluster.fabric.vertex(middle).kind == VertexKind::network_switch ? middle : VertexId{};
}

void find_switches(Group& group) {
  std::vector<VertexId> switches;
  for (const GroupNode& node : group.nodes) {
    if (!node.domain || !node.domain->in_network_reduction || node.domain->members.size() < 2) return;
    const auto& all = node.domain->members;
    const VertexId hub = switch_between(*group.cluster, group.cluster->fabric.vertex_of(all[0]),
                                        group.cluster->fabric.vertex_of(all[1]));
    if (!hub.valid()) return;
    switches.push_back(hub);
  }
  for (int twice = 0; twice < 2; ++twice) group.places.insert(group.places.end(), switches.begin(), switches.end());
  group.node_switches = static_cast<std::uint32_t>(2 * switches.size());
}

void find_trees(Group& group) {
  group.trees = aggregation_trees(group);
  for (AggregationTree& tree : group.trees)
    for (AggregationSwitch& at : tree.switches)
      for (std::uint32_t* participant : {&at.adder, &at.multicaster}) {
        *participant = static_cast<std::uint32_t>(group.places.size());
        group.places.push_back(at.place);
      }
}

}  // namespace

bool Group::equal_nodes() const {
  return std::all_of(nodes.begin(), nodes.end(),
                     [&](const GroupNode& n) { return n.ranks.size() == nodes[0].ranks.size(); });
}

bool Group::over_pcie() const { return domain && domain->calibration.starts_with("pcie"); }

Group make_group(const Cluster& cluster, std::vector<DeviceId> members) {
  Group group;
  group.cluster = &cluster;
  group.members = std::move(members);
  group.ranks = static_cast<std::uint32_t>(group.members.size());
  const Fabric& fabric = cluster.fabric;
  struct Placed {
    Seat seat;
    std::uint32_t rank;
  };
  std::vector<Placed> placed;
  for (std::uint32_t rank = 0; rank < group.ranks; ++rank) {
    ORRERY_CHECK(group.members[rank].index() < fabric.device_count(), "no device {}", group.members[rank].value);
    placed.push_back({seat_of(cluster, group.members[rank]), rank});
    group.places.push_back(fabric.vertex_of(group.members[rank]));
  }
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return a.seat.node != b.seat.node ? a.seat.node < b.seat.node : a.seat.local < b.seat.local;
  });
  std::size_t nics = 0, last_nic = 0;
  for (const Placed& p : placed) {
    const DeviceId device = group.members[p.rank];
    const bool new_node = group.nodes.empty() || group.nodes.back().node != p.seat.node;
    if (new_node) group.nodes.push_back({p.seat.node, {}, {}, {}, node_domain(fabric, device)});
    if (new_node) nics = nics_of(fabric, device);
    const std::size_t nic = nics > 0 ? p.seat.local * nics / p.seat.devices : 0;
    GroupNode& node = group.nodes.back();
    if (new_node || nic != last_nic) node.by_nic.emplace_back();
    last_nic = nic;
    node.ranks.push_back(p.rank);
    node.seats.push_back(p.seat.local);
    node.by_nic.back().push_back(p.rank);
  }
  if (group.ranks > 0) {
    DomainId common = fabric.domain_of(group.members[0]);
    for (const GroupNode& node : group.nodes) {
      const DeviceId first = group.members[node.ranks.front()];
      const DomainId both = fabric.common_domain(group.members[0], first);
      if (!common.valid() || !both.valid() || fabric.domain(both).level > fabric.domain(common).level) common = both;
    }
    if (common.valid()) group.domain = &fabric.domain(common);
  }
  if (group.ranks > 1) find_switches(group);
  if (group.ranks > 1) find_trees(group);
  return group;
}

std::size_t channel_count(const Group& group) {
  // Devices that meet over the host's PCIe share root ports and host bridges: a second ring finds no bandwidth left
  // (two bridged pairs of A100: 23.7 GB/s in all, three quarters of one Gen4 x16 direction).
  if (group.nodes.size() < 2 || group.over_pcie()) return 1;
  std::size_t channels = group.nodes[0].by_nic.size();
  for (const GroupNode& node : group.nodes) channels = std::min(channels, node.by_nic.size());
  return channels;
}

std::uint32_t carrier_of(const Group& group, std::size_t node, std::size_t channel, std::size_t channels) {
  const auto& by_nic = group.nodes[node].by_nic;
  return by_nic[nic_of_channel(channel, channels, by_nic.size())].front();
}

}  // namespace orrery
