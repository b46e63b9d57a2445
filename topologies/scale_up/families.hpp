// The scale-up families: each wires the devices of one node. See the catalog (topologies/catalog.cpp) for what they are.
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

}  // namespace orrery
