// The members of a collective as the algorithms see them: ranks sorted into nodes, the domain that holds them all, and the
// rings that a library would form. Reads the fabric's domains and pools only.
// Rings follow NCCL: members ordered by node; when the group spans nodes with several members each, one ring (channel) per
// NIC that its members use (several where the nodes' direct links want them, see node_paths.hpp), each carrying an equal
// part, so that as much enters as leaves by every NIC. Where a channel leaves a node by another NIC than it entered by,
// neighbouring nodes run opposite ways round, so that traffic stays on its rail (NCCL's alternating cross-NIC rings).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/collectives/aggregation.hpp"
#include "sim/cluster.hpp"

namespace orrery {

using RankList = std::vector<std::uint32_t>;

struct GroupNode {
  std::uint32_t node = 0;
  RankList ranks;                  // by position in the node
  std::vector<std::size_t> seats;  // those positions
  std::vector<RankList> by_nic;    // the same, split by the NIC they use; one list when the node has no NICs
  const Domain* domain = nullptr;  // the node's own; null when its devices have no scale-up network
};

struct Group {
  const Cluster* cluster = nullptr;
  std::vector<DeviceId> members;
  // By participant: members, then the nodes' switches (see in_switch), then those of the aggregation trees.
  std::vector<VertexId> places;
  std::vector<GroupNode> nodes;    // by node number
  const Domain* domain = nullptr;  // innermost that holds all members
  std::uint32_t ranks = 0;
  std::uint32_t node_switches = 0;     // participants that are switches of nodes
  std::vector<AggregationTree> trees;  // one per channel, of switches between nodes that can reduce; empty: they cannot

  bool one_node() const { return nodes.size() == 1; }
  // Scale-up network of the node that holds the whole group, else null.
  const Domain* scale_up() const { return one_node() ? nodes[0].domain : nullptr; }
  bool equal_nodes() const;  // every node has the same number of members
  std::size_t members_per_node() const { return nodes[0].ranks.size(); }
  // Members meet over the host's PCIe, as GPUs without NVLink and bridged pairs do.
  bool over_pcie() const;
  // Every node can reduce in its switch. A switch adds what comes in or multicasts it but keeps nothing, hence two
  // participants at one place: adder and multicaster of nodes[k].
  bool in_switch() const { return node_switches > 0; }
  std::uint32_t adder(std::size_t k) const { return ranks + static_cast<std::uint32_t>(k); }
  std::uint32_t multicaster(std::size_t k) const { return ranks + static_cast<std::uint32_t>(nodes.size() + k); }
};

Group make_group(const Cluster&, std::vector<DeviceId> members);

// Ring orders (each lists all ranks); traffic is split evenly over them. Chains, which broadcast or reduce, have no algorithm
// of their own on a torus, mesh or ring, so they take all rings of its graph; what else rings takes one way round there, as
// torus_rings has the others.
std::vector<RankList> ring_orders(const Group&, bool chains);
std::size_t channel_count(const Group&);
// The member of a node through whose NIC a channel of a tree enters and leaves it.
std::uint32_t carrier_of(const Group&, std::size_t node, std::size_t channel, std::size_t channels);

}  // namespace orrery
