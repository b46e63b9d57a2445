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
  Schedule (*schedule)(CollectiveKind, const Group&);
  std::vector<TrafficPhase> (*traffic)(CollectiveKind, const Group&);  // null: aggregate(schedule)
  // Protocols whose costs differ (LL, LL128, Simple); empty: one, called "simple".
  std::span<const std::string_view> protocols;
};

std::span<const CatalogEntry<CollectiveAlgorithm>> collective_catalog();

std::vector<TrafficPhase> traffic_of(const CollectiveAlgorithm&, CollectiveKind, const Group&);

// The algorithms, by file.
bool ring_supports(CollectiveKind, const Group&);
bool ring_considered(CollectiveKind, const Group&);
Schedule ring_schedule(CollectiveKind, const Group&);
std::vector<TrafficPhase> ring_traffic(CollectiveKind, const Group&);

bool direct_supports(CollectiveKind, const Group&);
bool direct_considered(CollectiveKind, const Group&);
Schedule direct_schedule(CollectiveKind, const Group&);

bool tree_supports(CollectiveKind, const Group&);
bool tree_considered(CollectiveKind, const Group&);
Schedule tree_schedule(CollectiveKind, const Group&);

bool halving_doubling_supports(CollectiveKind, const Group&);
Schedule halving_doubling_schedule(CollectiveKind, const Group&);

bool in_switch_supports(CollectiveKind, const Group&);
bool in_switch_considered(CollectiveKind, const Group&);
Schedule in_switch_schedule(CollectiveKind, const Group&);

bool switch_tree_supports(CollectiveKind, const Group&);
Schedule switch_tree_schedule(CollectiveKind, const Group&);

bool hierarchical_supports(CollectiveKind, const Group&);
Schedule hierarchical_schedule(CollectiveKind, const Group&);

bool torus_rings_supports(CollectiveKind, const Group&);
Schedule torus_rings_schedule(CollectiveKind, const Group&);
std::vector<TrafficPhase> torus_rings_traffic(CollectiveKind, const Group&);

}  // namespace orrery
