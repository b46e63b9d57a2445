// Which devices each job of a scenario gets, and whether it can train there: its plan against model and devices, its
// precision against the devices' units. Works on what the scenario says, not on a built cluster, so that faults of wiring
// and of every job can be told together.
#pragma once

#include <string>
#include <vector>

#include "models/parallelism/lower.hpp"
#include "scenarios/scenario.hpp"
#include "sim/error.hpp"

namespace orrery {

struct PlacedJob {
  TrainingJob job;
  std::vector<DeviceId> devices;
};

// One entry per job; adds what is wrong to `faults`, and then the entries are not to be used. `judged`: the jobs whose
// plans are looked at; empty: all.
std::vector<PlacedJob> place_jobs(const Scenario&, const std::string& file, std::vector<Fault>& faults,
                                  const std::vector<bool>& judged = {});

}  // namespace orrery
