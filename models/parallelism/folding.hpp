// Ranks that do the same at the same time are one class and run once, as its first member. Two ranks are alike when
// they have the same stage, device type and speed (and as many ranks on their host, where its processors work for them),
// and the groups they communicate in consist of like ranks and meet like traffic on like links. Found by colour refinement
// (1-dimensional Weisfeiler-Leman) over ranks, groups and links: the colours of a stable (equitable) partition behave alike at
// every moment, since every link of one colour carries equally much of every colour of traffic and max-min sharing has one
// solution only. No symmetry of the fabric is assumed and no path is special: hashed routes, a straggler, a way across the
// spine or another job's traffic split what they touch, and only that.
#pragma once

#include <vector>

#include "models/parallelism/job_traffic.hpp"

namespace orrery {

struct Folding {
  std::vector<int> class_of;              // by rank
  std::vector<std::vector<int>> members;  // by class: its ranks in order; the first represents it
  std::size_t ranks() const { return class_of.size(); }
  std::size_t classes() const { return members.size(); }
};

Folding unfolded(const RankGrid&);
Folding by_stage(const RankGrid&);  // a class per stage, whatever its ranks are: not to be simulated
// `devices`: the device of each rank. `on_host`: ranks on the host of each rank; empty where it does not matter.
// `all_jobs`: what this job and all others put on links; null: there are no others.
Folding fold(const RankGrid&, const Cluster&, const std::vector<DeviceId>& devices, const JobTraffic&,
             const std::vector<int>& on_host, const LinkUse* all_jobs);

}  // namespace orrery
