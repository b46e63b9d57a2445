// Collectives over the first devices of a cluster, by a named algorithm, and the time that a plan takes where nothing else
// is on its links: what tests hold against closed forms.
#pragma once

#include "kernels/collectives/collective.hpp"

namespace orrery::testing {

inline CollectiveRequest request_of(CollectiveKind kind, std::size_t ranks, double bytes, const char* algorithm) {
  CollectiveRequest request;
  request.kind = kind;
  request.bytes = Bytes(bytes);
  request.algorithm = algorithm;
  for (std::size_t d = 0; d < ranks; ++d) request.members.emplace_back(d);
  return request;
}

inline double alone(const Cluster& cluster, const CollectivePlan& plan) { return time_alone(cluster, plan).value; }

}  // namespace orrery::testing
