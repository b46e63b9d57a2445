// The collective algorithms, one row each in the catalog. `schedule` is the definition; `traffic` is its aggregate per pair
// of participants, given in closed form where the schedule would be too long to write down (rings of thousands).
#pragma once

#include <span>

#include "kernels/collectives/schedule.hpp"
#include "sim/catalog.hpp"

namespace orrery {

struct CollectiveAlgorithm {
  bool (*supports)(CollectiveKind, const Group&);
  // Whether a library would weigh it for this group; `auto` chooses among those.
  bool (*considered)(CollectiveKind, const Group&);
  CollectiveSchedule (*schedule)(CollectiveKind, const Group&);
  std::vector<TrafficPhase> (*traffic)(CollectiveKind, const Group&);  // null: aggregate(schedule)
  // Protocols whose costs differ (LL, LL128, Simple); empty: one, called "simple".
  std::span<const std::string_view> protocols;
};

std::span<const CatalogEntry<CollectiveAlgorithm>> collective_catalog();

std::vector<TrafficPhase> traffic_of(const CollectiveAlgorithm&, CollectiveKind, const Group&);

// The algorithms, by file.
bool ring_supports(CollectiveKind, const Group&);
bool ring_considered(CollectiveKind, const Group&);
CollectiveSchedule ring_schedule(CollectiveKind, const Group&);
std::vector<TrafficPhase> ring_traffic(CollectiveKind, const Group&);

bool direct_supports(CollectiveKind, const Group&);
bool direct_considered(CollectiveKind, const Group&);
CollectiveSchedule direct_schedule(CollectiveKind, const Group&);

// all_to_all.cpp: `direct`, `pairwise`, and the all-to-all of `bruck` and `hierarchical`.
CollectiveSchedule direct_all_to_all(const Group&);
TrafficPhase direct_all_to_all_traffic(const Group&);
std::vector<TrafficPhase> direct_traffic(CollectiveKind, const Group&);
bool pairwise_supports(CollectiveKind, const Group&);
CollectiveSchedule pairwise_schedule(CollectiveKind, const Group&);
std::vector<TrafficPhase> pairwise_traffic(CollectiveKind, const Group&);
CollectiveSchedule bruck_all_to_all(const Group&);
TrafficPhase bruck_all_to_all_traffic(const Group&);
CollectiveSchedule hierarchical_all_to_all(const Group&);
TrafficPhase hierarchical_all_to_all_traffic(const Group&);

bool bruck_supports(CollectiveKind, const Group&);
CollectiveSchedule bruck_schedule(CollectiveKind, const Group&);
std::vector<TrafficPhase> bruck_traffic(CollectiveKind, const Group&);
bool pat_supports(CollectiveKind, const Group&);
bool pat_considered(CollectiveKind, const Group&);
CollectiveSchedule pat_schedule(CollectiveKind, const Group&);
std::vector<TrafficPhase> pat_traffic(CollectiveKind, const Group&);

bool binomial_supports(CollectiveKind, const Group&);
bool binomial_considered(CollectiveKind, const Group&);
CollectiveSchedule binomial_schedule(CollectiveKind, const Group&);

bool exchange_supports(CollectiveKind, const Group&);  // recursive-doubling and one-shot
CollectiveSchedule recursive_doubling_schedule(CollectiveKind, const Group&);
CollectiveSchedule one_shot_schedule(CollectiveKind, const Group&);

bool tree_supports(CollectiveKind, const Group&);
bool tree_considered(CollectiveKind, const Group&);
CollectiveSchedule tree_schedule(CollectiveKind, const Group&);

bool halving_doubling_supports(CollectiveKind, const Group&);
CollectiveSchedule halving_doubling_schedule(CollectiveKind, const Group&);

bool in_switch_supports(CollectiveKind, const Group&);
bool in_switch_considered(CollectiveKind, const Group&);
CollectiveSchedule in_switch_schedule(CollectiveKind, const Group&);

bool switch_tree_supports(CollectiveKind, const Group&);
CollectiveSchedule switch_tree_schedule(CollectiveKind, const Group&);

bool sharp_supports(CollectiveKind, const Group&);
bool sharp_considered(CollectiveKind, const Group&);
CollectiveSchedule sharp_schedule(CollectiveKind, const Group&);
bool nvls_sharp_supports(CollectiveKind, const Group&);
CollectiveSchedule nvls_sharp_schedule(CollectiveKind, const Group&);

bool hierarchical_supports(CollectiveKind, const Group&);
bool hierarchical_considered(CollectiveKind, const Group&);
// Slices so large that channels through all of their devices are no choice beside levels: too many sends to write down.
bool only_by_levels(CollectiveKind, const Group&);
CollectiveSchedule hierarchical_schedule(CollectiveKind, const Group&);
std::vector<TrafficPhase> hierarchical_traffic(CollectiveKind, const Group&);

bool regions_supports(CollectiveKind, const Group&);
CollectiveSchedule regions_schedule(CollectiveKind, const Group&);
std::vector<TrafficPhase> regions_traffic(CollectiveKind, const Group&);

bool torus_rings_supports(CollectiveKind, const Group&);
bool torus_rings_considered(CollectiveKind, const Group&);
CollectiveSchedule torus_rings_schedule(CollectiveKind, const Group&);
std::vector<TrafficPhase> torus_rings_traffic(CollectiveKind, const Group&);

}  // namespace orrery
