// Every collective algorithm. Adding one is one line here; all collective laws then apply to it.
#include "kernels/collectives/algorithms.hpp"

namespace orrery {

std::span<const CatalogEntry<CollectiveAlgorithm>> collective_catalog() {
  static constexpr std::string_view nccl_protocols[] = {"ll", "ll128", "simple"};
  static const CatalogEntry<CollectiveAlgorithm> table[] = {
      {"ring",
       "rings over all members, one per NIC; least bytes, rounds grow with the group",
       {ring_supports, ring_considered, ring_schedule, ring_traffic, nccl_protocols}},
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
