// What each level of a machine offers its devices: how many domains, what one of the largest can send out (minimum cut), how
// much less that is than the level below offers, and how many paths lead across that share no cable. Domains of one level
// that are wired differently are told apart; a domain of a single device is none.
#pragma once

#include "analysis/topology_facts.hpp"
#include "analysis/topology_facts_graph.hpp"

namespace orrery {

std::vector<LevelFacts> measure_levels(const Fabric&, const FabricGraph&);

}  // namespace orrery
