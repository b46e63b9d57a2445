// Memory that the hosts of some nodes share: CXL type-3 expanders behind one switch (CXL 2.0 pooling; Pond, Li et al., ASPLOS
// 2023). A device reaches its host over its host link, the host the switch over its CXL links, the switch each expander over
// one. Half of a CXL link's latency lies on either side of the switch, which adds its own; coherence traffic is not modelled.
// Interleaved, a pool is one place as wide as all its expanders; else every device of the nodes uses one expander, in turn.
// Network traffic never goes this way.
#pragma once

#include "topologies/cluster_spec.hpp"

namespace orrery {

void wire_memory_pools(const ClusterSpec&, Cluster&);

}  // namespace orrery
