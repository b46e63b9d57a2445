// Fabrics of tests whose switches reduce: the same small clusters, over links of the InfiniBand family, whose costs of
// reductions in the network are known.
#pragma once

#include "tests/topologies/fixture.hpp"

namespace orrery::testing {

// Of the family whose costs of reductions are known.
inline constexpr const char* reducing_link = "infiniband-test";

inline ClusterSpec reducing(ClusterSpec spec) {
  for (PoolSpec& pool : spec.pools) {
    pool.node.nics->link.name = reducing_link;
    pool.node.nics->link.in_network_reduction = true;
  }
  spec.fabric.options["in_network_reduction"] = true;
  spec.name += " reducing";
  return spec;
}

}  // namespace orrery::testing
