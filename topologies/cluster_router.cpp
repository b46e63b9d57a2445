#include "topologies/cluster_router.hpp"

#include "sim/error.hpp"

namespace orrery {

ClusterRouter::ClusterRouter(std::vector<std::uint32_t> node_of_vertex, std::vector<NodeSeat> nodes,
                             std::vector<PoolWiring> pools, std::vector<LinkId> nic_link_of_device,
                             std::unique_ptr<FabricRouter> fabric, bool pxn)
    : node_of_vertex_(std::move(node_of_vertex)),
      nodes_(std::move(nodes)),
      pools_(std::move(pools)),
      nic_link_of_device_(std::move(nic_link_of_device)),
      fabric_(std::move(fabric)),
      pxn_(pxn) {}

ClusterRouter::Place ClusterRouter::locate(VertexId v) const {
  ORRERY_CHECK(v.index() < node_of_vertex_.size() && node_of_vertex_[v.index()] != ~0u,
               "vertex {} is no place that traffic starts from or ends at", v.value);
  Place place;
  place.node = node_of_vertex_[v.index()];
  const NodeSeat& seat = nodes_[place.node];
  const PoolWiring& pool = pools_[seat.pool];
  const int offset = static_cast<int>(v.value - seat.first_vertex);
  if (offset < pool.node.devices) {
    place.local = offset;
    place.device = seat.first_device + static_cast<std::uint32_t>(offset);
    if (pool.nics > 0) place.nic = nic_of(offset, pool.node.devices, pool.nics);
  } else if (offset < pool.node.devices + pool.node.switches) {
    place.local = offset;
  } else {
    place.nic = offset - pool.node.devices - pool.node.switches;
  }
  return place;
}

Seconds ClusterRouter::inside_node(const NodeSeat& seat, int from, int to, std::uint64_t flow_key,
                                   std::vector<Hop>& hops) const {
  const std::size_t first = hops.size();
  const Seconds latency = pools_[seat.pool].node.router->route(from, to, flow_key, hops);
  for (std::size_t h = first; h < hops.size(); ++h) hops[h].link = LinkId(hops[h].link.index() + seat.first_link);
  return latency;
}

// In a PCIe tree, that of the first device that uses the NIC; -1 elsewhere.
int ClusterRouter::switch_of_nic(const Place& at) const {
  const PoolWiring& pool = pools_[nodes_[at.node].pool];
  if (pool.node.switch_of_device.empty()) return -1;
  int first = at.local;
  while (first > 0 && nic_of(first - 1, pool.node.devices, pool.nics) == at.nic) --first;
  return pool.node.switch_of_device[static_cast<std::size_t>(first)];
}

Seconds ClusterRouter::to_nic(const Place& at, std::uint64_t flow_key, std::vector<Hop>& hops) const {
  const int by = switch_of_nic(at);
  const Seconds latency = by < 0 ? Seconds(0) : inside_node(nodes_[at.node], at.local, by, flow_key, hops);
  hops.push_back({nic_link_of_device_[at.device], 1});
  return latency;
}

Seconds ClusterRouter::from_nic(const Place& at, std::uint64_t flow_key, std::vector<Hop>& hops) const {
  hops.push_back({LinkId(nic_link_of_device_[at.device].index() + 1), 1});
  const int by = switch_of_nic(at);
  return by < 0 ? Seconds(0) : inside_node(nodes_[at.node], by, at.local, flow_key, hops);
}

int ClusterRouter::relay(const Place& from, const Place& to) const {
  const PoolWiring& pool = pools_[nodes_[from.node].pool];
  if (!pxn_ || from.node == to.node || from.device == ~0u || from.nic == to.nic || to.nic >= pool.nics ||
      !pool.node.router)
    return -1;
  for (int d = 0; d < pool.node.devices; ++d)
    if (nic_of(d, pool.node.devices, pool.nics) == to.nic) return d;
  return -1;
}

static std::uint64_t ends(VertexId from, VertexId to) { return std::uint64_t{from.value} << 32 | to.value; }

void ClusterRouter::end_at_switches(const Fabric& fabric) {
  for (std::size_t l = 0; l < fabric.links().size(); ++l) {
    const Link& link = fabric.links()[l];
    if (is_switch(link.from) || is_switch(link.to))
      cables_.try_emplace(ends(link.from, link.to), Cable{LinkId(l), link.latency});  // of parallel ones the first
  }
}

const ClusterRouter::Cable& ClusterRouter::cable(VertexId from, VertexId to) const {
  const auto found = cables_.find(ends(from, to));
  ORRERY_CHECK(found != cables_.end(), "no cable from vertex {} to vertex {}", from.value, to.value);
  return found->second;
}

Seconds ClusterRouter::route_beside_switch(VertexId from, VertexId to, std::uint64_t flow_key,
                                           std::vector<Hop>& hops) const {
  if (is_switch(from) && is_switch(to)) {
    hops.push_back({cable(from, to).link, 1});
    return cable(from, to).latency;
  }
  const Place place = locate(is_switch(from) ? to : from);
  ORRERY_CHECK(place.nic >= 0, "no NIC between vertex {} and vertex {}", from.value, to.value);
  const NodeSeat& seat = nodes_[place.node];
  const NodeWiring& node = pools_[seat.pool].node;
  const VertexId nic(seat.first_vertex + static_cast<std::size_t>(node.devices + node.switches + place.nic));
  const Cable& port = is_switch(from) ? cable(from, nic) : cable(nic, to);
  const bool at_device = place.device != ~0u;
  Seconds latency = port.latency;
  if (at_device && !is_switch(from)) latency += to_nic(place, flow_key, hops);
  hops.push_back({port.link, 1});
  if (at_device && is_switch(from)) latency += from_nic(place, flow_key, hops);
  return latency;
}

template <class Across>
Seconds ClusterRouter::route_with(VertexId from, VertexId to, std::uint64_t flow_key, std::vector<Hop>& hops,
                                  Across across) const {
  if (from == to) return Seconds(0);
  if (!cables_.empty() && (is_switch(from) || is_switch(to))) return route_beside_switch(from, to, flow_key, hops);
  Place a = locate(from);
  const Place b = locate(to);
  const NodeSeat& seat = nodes_[a.node];
  if (a.node == b.node && a.local >= 0 && b.local >= 0 && pools_[seat.pool].node.router)
    return inside_node(seat, a.local, b.local, flow_key, hops);
  ORRERY_CHECK(a.nic >= 0 && b.nic >= 0, "no path from vertex {} to vertex {}", from.value, to.value);
  Seconds latency{0};
  if (const int over = relay(a, b); over >= 0) {
    latency += inside_node(seat, a.local, over, flow_key, hops);
    a.device = seat.first_device + static_cast<std::uint32_t>(over);
    a.local = over;
    a.nic = b.nic;
  }
  if (a.device != ~0u) latency += to_nic(a, flow_key, hops);
  const std::uint32_t port_a = seat.first_port + static_cast<std::uint32_t>(a.nic);
  const std::uint32_t port_b = nodes_[b.node].first_port + static_cast<std::uint32_t>(b.nic);
  if (port_a != port_b) {
    ORRERY_CHECK(fabric_ != nullptr, "no fabric between vertex {} and vertex {}", from.value, to.value);
    latency += across(port_a, port_b);
  }
  if (b.device != ~0u) latency += from_nic(b, flow_key, hops);
  return latency;
}

Seconds ClusterRouter::route(VertexId from, VertexId to, std::uint64_t flow_key, std::vector<Hop>& hops) const {
  return route_with(from, to, flow_key, hops,
                    [&](std::uint32_t a, std::uint32_t b) { return fabric_->route(a, b, flow_key, hops); });
}

class ClusterRouter::Adaptive final : public AdaptiveRouting {
 public:
  Adaptive(const ClusterRouter& router, std::unique_ptr<AdaptiveFabricRouting> fabric)
      : router_(router), fabric_(std::move(fabric)) {}
  Seconds route(VertexId from, VertexId to, std::uint64_t flow_key, double weight, std::vector<Hop>& hops) override {
    return router_.route_with(from, to, flow_key, hops, [&](std::uint32_t a, std::uint32_t b) {
      return fabric_->route(a, b, flow_key, weight, hops);
    });
  }

 private:
  const ClusterRouter& router_;
  std::unique_ptr<AdaptiveFabricRouting> fabric_;
};

std::unique_ptr<AdaptiveRouting> ClusterRouter::adapt() const {
  auto fabric = fabric_ ? fabric_->adapt() : nullptr;
  return fabric ? std::make_unique<Adaptive>(*this, std::move(fabric)) : nullptr;
}

}  // namespace orrery
