// The "reliability" section of a scenario: how often devices fail and what a checkpoint and a restart cost. Failure rates
// are those published for a large cluster of the device's generation (models/reliability), stated as the mean time between
// failures per device with its share of node, network and software; a job of n devices fails n times as often. A job on
// devices of several generations adds up their rates. The formulas: analysis/goodput.hpp.
#pragma once

#include <optional>
#include <vector>

#include "analysis/goodput.hpp"
#include "sim/cluster.hpp"
#include "sim/spec.hpp"

namespace orrery {

struct FailureRate {  // models/reliability/GENERATION.json
  std::string name, title, notes;
  Seconds device_mtbf;
  Json sources;
};

struct ReliabilitySpec {
  std::optional<Seconds> device_mtbf;          // absent: published for the generation
  Seconds checkpoint_time;                     // training stands still so long for one checkpoint
  std::optional<Seconds> checkpoint_interval;  // of training between two; absent: the best
  Seconds restart_time;                        // from a failure until training goes on from the last checkpoint
  Json sources;
};

void fields(Fields&, FailureRate&);
void fields(Fields&, ReliabilitySpec&);

// Published for the generation of a device; nothing when none is shipped.
std::optional<FailureRate> failure_rate_of(const DeviceModel&, const Library&);

// For the devices of one job; nothing without a spec. SpecError at /reliability of `file` when a generation has no rate.
std::optional<ReliabilityInputs> reliability_inputs(const std::optional<ReliabilitySpec>&, const Cluster&,
                                                    const std::vector<DeviceId>&, const std::string& file,
                                                    const Library&);

}  // namespace orrery
