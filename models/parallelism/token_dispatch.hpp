// How many bytes an exchange of tokens with experts moves in one group. A plain exchange sends a copy of a token to each of
// its chosen experts; a fused dispatch sends a token once to each place that holds any of them, a place being a node where
// the group spans several, else a device. Assumes that tokens choose evenly and that places hold equally many experts.
#pragma once

#include <vector>

#include "kernels/collectives/collective.hpp"
#include "models/parallelism/rank_grid.hpp"
#include "models/software.hpp"
#include "models/transformer.hpp"

namespace orrery {

struct TokenDispatch {
  int chosen = 0, all = 0;  // experts of a token, of how many; 0: every chosen expert gets a copy of its own

  // Of `bytes` that a group of the family would send if every chosen expert got its own copy, those that it sends.
  double bytes_sent(const Cluster&, const std::vector<DeviceId>& group, GroupFamily, CollectiveKind,
                    double bytes) const;
};

TokenDispatch token_dispatch(const TransformerModel&, const SoftwareProfile&);

}  // namespace orrery
