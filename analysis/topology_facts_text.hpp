// Topology facts for the terminal and as JSON. Renders; computes nothing.
// JSON keys carry units; null where the data does not say.
#pragma once

#include <string>

#include "analysis/topology_facts.hpp"
#include "sim/json.hpp"

namespace orrery {

std::string topology_text(const TopologyFacts&);
Json topology_json(const TopologyFacts&);

}  // namespace orrery
