// Every collective algorithm. Adding one is one line here; all collective laws then apply to it.
#include "kernels/collectives/algorithms.hpp"

namespace orrery {

static bool never(CollectiveKind, const Group&) { return false; }

std::span<const CatalogEntry<CollectiveAlgorithm>> collective_catalog() {
  static constexpr std::string_view nccl_protocols[] = {"ll", "ll128", "simple"};
  static const CatalogEntry<CollectiveAlgorithm> table[] = {
      {"ring",
       "rings over all members, one per NIC; least bytes, rounds grow with the group",
       {ring_supports, ring_considered, ring_schedule, ring_traffic, nccl_protocols}},
      {"tree",
       "double binary tree over nodes, chains inside; few rounds",
       {tree_supports, tree_considered, tree_schedule, nullptr, nccl_protocols}},
      {"nvls",
       "reduction and multicast in the node's switch (NVLink SHARP)",
       {in_switch_supports, in_switch_considered, in_switch_schedule, nullptr, {}}},
      {"nvls-tree",
       "in the switch inside nodes, double binary tree across them",
       {switch_tree_supports, switch_tree_supports, switch_tree_schedule, nullptr, {}}},
      {"torus-rings",
       "rings along all dimensions and both directions of a torus at once",
       {torus_rings_supports, torus_rings_supports, torus_rings_schedule, torus_rings_traffic, {}}},
      {"halving-doubling",
       "recursive halving and doubling: least bytes in 2 log2 n rounds",
       {halving_doubling_supports, never, halving_doubling_schedule, nullptr, {}}},
      {"hierarchical",
       "reduce-scatter in the node, all-reduce across nodes, all-gather in the node",
       {hierarchical_supports, never, hierarchical_schedule, nullptr, {}}},
      {"direct",
       "every rank to its final receivers without relays: all-to-all, gather, two-shot all-reduce",
       {direct_supports, direct_considered, direct_schedule, nullptr, {}}},
  };
  return table;
}

std::vector<TrafficPhase> traffic_of(const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
  return algorithm.traffic ? algorithm.traffic(kind, group) : aggregate(algorithm.schedule(kind, group), group);
}

}  // namespace orrery
