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
      {"sharp",
       "reduction and multicast in the switches between nodes that declare it (InfiniBand SHARP)",
       {sharp_supports, sharp_considered, sharp_schedule, nullptr, {}}},
      {"nvls-sharp",
       "in the switch inside nodes, in the switches between them",
       {nvls_sharp_supports, nvls_sharp_supports, nvls_sharp_schedule, nullptr, {}}},
      {"torus-rings",
       "rings along all dimensions and both directions of a torus at once",
       {torus_rings_supports, torus_rings_considered, torus_rings_schedule, torus_rings_traffic, {}}},
      {"halving-doubling",
       "recursive halving and doubling: least bytes in 2 log2 n rounds",
       {halving_doubling_supports, never, halving_doubling_schedule, nullptr, {}}},
      {"recursive-doubling",
       "partners exchange whole buffers: log2 n rounds, for short all-reduces",
       {exchange_supports, never, recursive_doubling_schedule, nullptr, {}}},
      {"one-shot",
       "every rank stores its whole buffer into all others: one round",
       {exchange_supports, never, one_shot_schedule, nullptr, {}}},
      {"hierarchical",
       "reduce-scatter in the node, all-reduce across nodes, all-gather in the node, or its halves; all-to-all along "
       "the rails",
       {hierarchical_supports, hierarchical_considered, hierarchical_schedule, hierarchical_traffic, {}}},
      {"regions",
       "rings inside nodes, among the nodes of a region and among regions, one after the other; distance is paid least",
       {regions_supports, regions_supports, regions_schedule, regions_traffic, {}}},
      {"direct",
       "every rank to its final receivers without relays: all-to-all, gather, send_recv to the next, two-shot "
       "all-reduce",
       {direct_supports, direct_considered, direct_schedule, direct_traffic, {}}},
      {"pairwise",
       "all-to-all in n - 1 rounds with one partner each",
       {pairwise_supports, never, pairwise_schedule, pairwise_traffic, {}}},
      {"bruck",
       "ceil(log2 n) rounds for any n: all-gather, reduce-scatter, short all-to-alls",
       {bruck_supports, never, bruck_schedule, bruck_traffic, {}}},
      {"pat",
       "parallel aggregated trees, farthest first: all-gather and reduce-scatter in ceil(log2 n) rounds",
       {pat_supports, pat_considered, pat_schedule, pat_traffic, {}}},
      {"binomial",
       "binomial tree at the root: broadcast, reduce, gather, scatter in ceil(log2 n) rounds",
       {binomial_supports, binomial_considered, binomial_schedule, nullptr, {}}},
  };
  return table;
}

std::vector<TrafficPhase> traffic_of(const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
  return algorithm.traffic ? algorithm.traffic(kind, group) : aggregate(algorithm.schedule(kind, group), group);
}

}  // namespace orrery
