// Options of a scenario that had no effect on the run, or another than they say, one line each: stated, different from their
// default, and overruled by what else the scenario says. Somebody who set them expects something that did not happen.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "models/parallelism/lower.hpp"
#include "scenarios/scenario.hpp"

namespace orrery {

std::vector<std::string> idle_options(const ClusterSpec&, const Library&);
std::vector<std::string> idle_options(const CostSpec&);
std::vector<std::string> idle_options(const JobSpec&, const ResolvedPlan&,
                                      const std::set<CollectiveShape>& collectives);  // that the job runs

}  // namespace orrery
