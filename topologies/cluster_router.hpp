// Routes between any two places of a cluster: inside a node over its scale-up network, between nodes
// device -> NIC -> fabric -> NIC -> device. Paths are computed on demand from a few numbers per node and per device; there is
// no table of pairs. Devices of one node without scale-up links meet through their NICs.
// With `pxn` a message between devices of different rails first goes over the scale-up network to the device that has the
// receiver's rail (NCCL's PXN), so that it meets no switch beyond that rail's; the relaying device's queues stay free.
// In a PCIe tree the way to a NIC is that to the switch it hangs on, over the device's one link, and the NIC's slot.
// Switches of the fabric are ends of traffic only where they reduce: towards their neighbours, over the cable between them.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "topologies/wiring.hpp"

namespace orrery {

struct NodeSeat {                  // where one node's vertices and links start
  std::uint32_t first_vertex = 0;  // devices, then switches, then NICs
  std::uint32_t first_link = 0;    // of its scale-up links
  std::uint32_t first_device = 0, first_port = 0;
  std::uint32_t pool = 0;
};

struct PoolWiring {
  NodeWiring node;
  int nics = 0;  // NIC vertices per node
};

class ClusterRouter final : public Router {
 public:
  // `node_of_vertex`: ~0 for switches of the fabric, which are no endpoints.
  ClusterRouter(std::vector<std::uint32_t> node_of_vertex, std::vector<NodeSeat> nodes, std::vector<PoolWiring> pools,
                std::vector<LinkId> nic_link_of_device, std::unique_ptr<FabricRouter> fabric, bool pxn);
  Seconds route(VertexId from, VertexId to, std::uint64_t flow_key, std::vector<Hop>& hops) const override;
  std::unique_ptr<AdaptiveRouting> adapt() const override;
  // Switches of the fabric can start and end traffic.
  void end_at_switches(const Fabric&);

 private:
  class Adaptive;
  struct Cable {
    LinkId link;
    Seconds latency{0};
  };
  bool is_switch(VertexId v) const { return v.index() < node_of_vertex_.size() && node_of_vertex_[v.index()] == ~0u; }
  const Cable& cable(VertexId from, VertexId to) const;
  Seconds route_beside_switch(VertexId from, VertexId to, std::uint64_t flow_key, std::vector<Hop>& hops) const;
  struct Place {
    std::uint32_t node = 0;
    int local = -1;  // device or switch of the node's scale-up network; -1 for a NIC
    int nic = -1;    // its NIC in the node; -1 if it has none
    std::uint32_t device = ~0u;
  };
  Place locate(VertexId) const;
  // `across` routes between two ports of the fabric.
  template <class Across>
  Seconds route_with(VertexId from, VertexId to, std::uint64_t flow_key, std::vector<Hop>& hops, Across across) const;
  Seconds to_nic(const Place&, std::uint64_t flow_key, std::vector<Hop>& hops) const;
  Seconds from_nic(const Place&, std::uint64_t flow_key, std::vector<Hop>& hops) const;
  int switch_of_nic(const Place&) const;
  Seconds inside_node(const NodeSeat&, int from, int to, std::uint64_t flow_key, std::vector<Hop>& hops) const;
  // The device of the sender's node whose NIC is on the receiver's rail; -1: the sender itself, or there is none.
  int relay(const Place& from, const Place& to) const;

  std::vector<std::uint32_t> node_of_vertex_;
  std::vector<NodeSeat> nodes_;
  std::vector<PoolWiring> pools_;
  std::vector<LinkId>
      nic_link_of_device_;  // device, or the switch it hangs on with it, -> NIC; the way back is the next id
  std::unique_ptr<FabricRouter> fabric_;
  bool pxn_ = false;
  std::unordered_map<std::uint64_t, Cable> cables_;  // of switches that reduce, by their ends
};

// The NIC of a node that its device uses: devices are spread over NICs in blocks.
inline int nic_of(int device, int devices, int nics) {
  return static_cast<int>(static_cast<std::int64_t>(device) * nics / devices);
}

}  // namespace orrery
