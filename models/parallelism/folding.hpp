// Ranks that do the same at the same time are one class and run once, as its first member. Two ranks are alike when they
// have the same stage, device type and speed, and the groups they communicate in cost the same on the real fabric (latency
// and most loaded link, with all groups of the family active) and consist of like classes; found by partition refinement.
// No symmetry of the fabric is assumed: whatever differs (a straggler, a path across the spine, a hashed route) unfolds.
#pragma once

#include <string>
#include <vector>

#include "models/parallelism/rank_grid.hpp"
#include "sim/cluster.hpp"

namespace orrery {

struct Folding {
  std::vector<int> class_of;              // by rank
  std::vector<std::vector<int>> members;  // by class: its ranks in order; the first represents it
  std::size_t ranks() const { return class_of.size(); }
  std::size_t classes() const { return members.size(); }
};

Folding unfolded(const RankGrid&);
// `devices`: the device of each rank.
Folding fold(const RankGrid&, const Cluster&, const std::vector<DeviceId>& devices);

}  // namespace orrery
