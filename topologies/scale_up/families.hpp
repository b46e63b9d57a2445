// The scale-up families: each wires the devices of one node.
// The catalog (topologies/catalog.cpp) says what they are, each file what it assumes.
#pragma once

#include "topologies/wiring.hpp"

namespace orrery {

NodeWiring wire_none(const ScaleUpInput&);
NodeWiring wire_switch(const ScaleUpInput&);
NodeWiring wire_pcie(const ScaleUpInput&);
NodeWiring wire_full_mesh(const ScaleUpInput&);
NodeWiring wire_torus(const ScaleUpInput&);
NodeWiring wire_mesh(const ScaleUpInput&);
NodeWiring wire_ring(const ScaleUpInput&);
NodeWiring wire_hybrid_cube_mesh(const ScaleUpInput&);
NodeWiring wire_ladder(const ScaleUpInput&);
NodeWiring wire_hypercube(const ScaleUpInput&);
NodeWiring wire_custom(const ScaleUpInput&);

}  // namespace orrery
