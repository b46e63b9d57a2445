#include "kernels/collectives/group.hpp"

#include <algorithm>

#include "kernels/collectives/graph_rings.hpp"
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

// NICs per node on the level above the node; 0 when there is none.
int nics_of(const Fabric& fabric, DeviceId device) {
  DomainId id = fabric.domain_of(device);
  while (id.valid() && fabric.domain(id).level == 0) id = fabric.domain(id).parent;
  return id.valid() ? fabric.domain(id).ports : 0;
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

RankList descending(const RankList& ranks, std::size_t start) {
  RankList path;
  for (std::size_t i = 0; i < ranks.size(); ++i) path.push_back(ranks[(start + ranks.size() - i) % ranks.size()]);
  return path;
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
  std::size_t last_nic = 0;
  for (const Placed& p : placed) {
    const DeviceId device = group.members[p.rank];
    const int nics = nics_of(fabric, device);
    const std::size_t nic = nics > 0 ? p.seat.local * static_cast<std::size_t>(nics) / p.seat.devices : 0;
    const bool new_node = group.nodes.empty() || group.nodes.back().node != p.seat.node;
    if (new_node) group.nodes.push_back({p.seat.node, {}, {}, {}, node_domain(fabric, device)});
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
  return by_nic[channel * by_nic.size() / channels].front();
}

RankList node_path(const Group& group, std::size_t node_index, std::size_t channel, std::size_t channels) {
  const GroupNode& node = group.nodes[node_index];
  if (channels == 1 && group.one_node()) return node.ranks;
  const std::size_t nic = channel * node.by_nic.size() / channels;
  const RankList& at_nic = node.by_nic[nic];
  if (at_nic.size() > 1 || node.ranks.size() == 1) {  // in and out through the same NIC
    RankList path{at_nic.front()};
    for (std::uint32_t rank : node.ranks)
      if (rank != at_nic.front() && rank != at_nic.back()) path.push_back(rank);
    if (at_nic.size() > 1) path.push_back(at_nic.back());
    return path;
  }
  const auto start = static_cast<std::size_t>(std::find(node.ranks.begin(), node.ranks.end(), at_nic[0]) -
                                              node.ranks.begin());
  const bool mesh = node.domain && node.domain->kind == DomainKind::full_mesh;
  RankList path = mesh ? zigzag(node.ranks, start) : descending(node.ranks, start);
  if (node_index % 2 == 1) std::reverse(path.begin(), path.end());
  return path;
}

std::vector<RankList> ring_orders(const Group& group, bool chains) {
  if (const Domain* node = group.scale_up()) {
    const bool lattice = node->kind == DomainKind::torus || node->kind == DomainKind::mesh ||
                         node->kind == DomainKind::ring;
    if (has_direct_links(node->kind) && (chains || !lattice)) return rings_on_graph(group);
  }
  const std::size_t channels = channel_count(group);
  std::vector<RankList> rings(channels);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t k = 0; k < group.nodes.size(); ++k)
      for (std::uint32_t rank : node_path(group, k, c, channels)) rings[c].push_back(rank);
  return rings;
}

}  // namespace orrery
