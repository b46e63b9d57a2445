// The fabric families: each joins the NICs of all nodes. See the catalog (topologies/catalog.cpp) for what they are.
#pragma once

#include "topologies/wiring.hpp"

namespace orrery {

FabricWiring join_none(FabricInput&);
FabricWiring join_single_switch(FabricInput&);
FabricWiring join_fat_tree(FabricInput&);

}  // namespace orrery
