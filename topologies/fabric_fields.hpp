// Which of the fields that all fabrics share the family of a fabric reads, and what whole ports make of a ratio: so that who
// sets one that changes nothing, or asks for what no switch gives, can be told.
#pragma once

#include <string>
#include <vector>

#include "topologies/cluster_spec.hpp"

namespace orrery {

// Names of the fields that are not at their defaults and that this family does not read.
std::vector<std::string> idle_fields(const FabricSpec&);
// Families that idle_fields knows.
std::vector<std::string> families_with_fields();

// Of a leaf switch of a fat-tree: ports towards the nodes over ports upwards.
double leaf_oversubscription(const FabricSpec&);

}  // namespace orrery
