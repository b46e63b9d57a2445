// The fabric families: each joins the NICs of all nodes.
// The catalog (topologies/catalog.cpp) says what they are, each file what it assumes.
#pragma once

#include "topologies/wiring.hpp"

namespace orrery {

FabricWiring join_none(FabricInput&);
FabricWiring join_single_switch(FabricInput&);
FabricWiring join_fat_tree(FabricInput&);
FabricWiring join_dragonfly(FabricInput&);
FabricWiring join_dragonfly_plus(FabricInput&);
FabricWiring join_hyperx(FabricInput&);
FabricWiring join_torus(FabricInput&);
FabricWiring join_mesh(FabricInput&);
FabricWiring join_optical_circuits(FabricInput&);
FabricWiring join_wide_area(FabricInput&);
FabricWiring join_simgrid(FabricInput&);
FabricWiring join_custom(FabricInput&);

// Of a leaf switch of a fat-tree: ports towards the nodes, and those over the ports upwards.
int leaf_down_ports(const FabricSpec&);
double leaf_oversubscription(const FabricSpec&);

// Of a group of a dragonfly whose nodes are alike: global ports, and those that stay idle as they are too few for a cable more
// to every other group. No groups: another family, or nodes with more NICs than a group takes.
struct GlobalPorts {
  int groups = 0, of_group = 0, idle = 0;
};
GlobalPorts global_ports(const FabricSpec&, int nodes, int nics_per_node, int cables_each = 1);

}  // namespace orrery
