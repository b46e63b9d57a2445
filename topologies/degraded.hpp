// Wiring that is not as it should be: cables at a part of their rate, failed cables, NICs and switches. Applied to a wired
// cluster: a slowed link keeps its traffic (ideal spreading does not shift load off it) and so slows all flows over it; a
// bundle carries what its cables carry together. What has failed carries nothing, and every route that would cross it takes
// the fewest-hop paths around it, over switches and the nodes at its two ends (EcmpRouter): GPUs of other nodes forward
// nothing. Routes that do not cross it stay as they were. Devices that are cut off are an error.
#pragma once

#include "topologies/cluster_spec.hpp"

namespace orrery {

// Throws SpecError (pointers relative to the cluster object).
void degrade(const ClusterSpec&, Cluster&);

}  // namespace orrery
