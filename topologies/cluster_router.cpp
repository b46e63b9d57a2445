#include "topologies/cluster_router.hpp"

#include "sim/error.hpp"

namespace orrery {

ClusterRouter::ClusterRouter(std::vector<std::uint32_t> node_of_vertex, std::vector<NodeSeat> nodes,
                             std::vector<PoolWiring> pools, std::vector<LinkId> host_link_of_device,
                             std::unique_ptr<FabricRouter> fabric)
    : node_of_vertex_(std::move(node_of_vertex)),
      nodes_(std::move(nodes)),
      pools_(std::move(pools)),
      host_link_of_device_(std::move(host_link_of_device)),
      fabric_(std::move(fabric)) {}

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

Seconds ClusterRouter::route(VertexId from, VertexId to, std::uint64_t flow_key, std::vector<Hop>& hops) const {
  if (from == to) return Seconds(0);
  const Place a = locate(from), b = locate(to);
  const NodeSeat& seat = nodes_[a.node];
  if (a.node == b.node && a.local >= 0 && b.local >= 0 && pools_[seat.pool].node.router) {
    const std::size_t first = hops.size();
    const Seconds latency = pools_[seat.pool].node.router->route(a.local, b.local, flow_key, hops);
    for (std::size_t h = first; h < hops.size(); ++h) hops[h].link = LinkId(hops[h].link.index() + seat.first_link);
    return latency;
  }
  ORRERY_CHECK(a.nic >= 0 && b.nic >= 0, "no path from vertex {} to vertex {}", from.value, to.value);
  Seconds latency{0};
  if (a.device != ~0u) {
    hops.push_back({host_link_of_device_[a.device], 1});
    latency += pools_[seat.pool].host_latency;
  }
  const std::uint32_t port_a = seat.first_port + static_cast<std::uint32_t>(a.nic);
  const std::uint32_t port_b = nodes_[b.node].first_port + static_cast<std::uint32_t>(b.nic);
  if (port_a != port_b) {
    ORRERY_CHECK(fabric_ != nullptr, "no fabric between vertex {} and vertex {}", from.value, to.value);
    latency += fabric_->route(port_a, port_b, flow_key, hops);
  }
  if (b.device != ~0u) {
    hops.push_back({LinkId(host_link_of_device_[b.device].index() + 1), 1});
    latency += pools_[nodes_[b.node].pool].host_latency;
  }
  return latency;
}

}  // namespace orrery
