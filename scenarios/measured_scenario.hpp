// A measured row as the scenario that reproduces it: the cluster from `cluster` and `devices`, the model from its sizes,
// batch, parallelism, recomputation and precision straight from the row, software from the framework's name, and the rules
// of measured_rules.hpp for what is not stated. The scenario is a document with named parts, so that what is printed for
// a row, what is simulated for it and what a user may edit are one and the same text.
// Throws CannotSimulate for what the simulator does not model.
#pragma once

#include <vector>

#include "scenarios/measured_rules.hpp"
#include "sim/json.hpp"
#include "sim/spec.hpp"

namespace orrery {

struct MeasuredCluster {
  Json cluster;                       // ClusterSpec
  std::int64_t devices = 0;           // that it has; the run may use fewer
  std::int64_t devices_per_node = 0;  // of the cluster's nodes (a node is a scale-up domain)
};

// The machine of a row with room for `devices` on at least `hosts` hosts.
MeasuredCluster measured_cluster(const MeasuredRow&, std::int64_t devices, std::int64_t hosts, RulesUsed&);

// The most cubic shape of a torus of `chips` in 2 or 3 dimensions, sides in ascending order; from 4 chips a side upwards
// sides are multiples of 4 where that is possible.
std::vector<std::int64_t> torus_shape(std::int64_t chips, int dimensions);

// The whole scenario of a training row.
Json training_scenario(const MeasuredRow&, RulesUsed&);
// Devices that the degrees say, where all that may be more than one are stated.
std::optional<std::int64_t> devices_of_degrees(const MeasuredRow&);

// Notes keys of a training row that are not the format's: a misspelt one leaves its value unsaid.
void check_keys(const MeasuredRow&, RulesUsed&);

}  // namespace orrery
