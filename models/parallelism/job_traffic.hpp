// The traffic of the groups that the ranks of a job communicate in, laid onto the fabric: what folding compares. Exactly
// what the groups run (every collective with its buffer, so with the algorithm that is chosen for it), one pattern per
// step, and which links can limit it at all.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/collectives/planner.hpp"
#include "models/parallelism/rank_grid.hpp"
#include "models/parallelism/token_dispatch.hpp"
#include "sim/cluster.hpp"
#include "sim/routes.hpp"

namespace orrery {

// A collective that a job runs: in every group of a family whose first rank belongs to the stage.
struct JobCollective {
  GroupFamily family = GroupFamily::tensor;
  int stage = 0;
  CollectiveKind kind = CollectiveKind::all_reduce;
  double bytes = 0;      // before a TokenDispatch, which differs among groups
  bool reverse = false;  // of a message between stages: from the later one
  auto operator<=>(const JobCollective&) const = default;
};

struct TrafficPattern {
  std::vector<LinkLoad> loads;  // sorted by link
  double latency_s = 0, fair_share = 1;
};

struct TrafficStep {
  std::size_t pattern = 0;  // of the group
  double bytes = 0, efficiency = 1, setup_s = 0;
  std::uint32_t rounds = 0;
};

struct TrafficGroup {
  GroupFamily family = GroupFamily::tensor;
  std::vector<int> ranks;
  std::vector<TrafficPattern> patterns;
  std::vector<TrafficStep> steps;  // of all its collectives
};

class JobTraffic {
 public:
  // `devices`: the device of each rank.
  JobTraffic(const RankGrid&, const Cluster&, CollectivePlanner&, const std::vector<DeviceId>& devices,
             const std::set<JobCollective>&, CollectiveDetail, const TokenDispatch&);
  const std::vector<TrafficGroup>& groups() const { return groups_; }

  // A link and the first (or last) link of a flow that takes it.
  struct Passage {
    LinkId link, end;
    auto operator<=>(const Passage&) const = default;
  };
  const std::vector<Passage>& from_first_links() const { return first_; }  // every different one
  const std::vector<Passage>& to_last_links() const { return last_; }

 private:
  using KnownPatterns = std::map<std::tuple<CollectiveKind, bool, std::string>, std::size_t>;  // where they begin
  void add_collective(const Cluster&, CollectivePlanner&, TrafficGroup&, const std::vector<DeviceId>& devices,
                      const JobCollective&, CollectiveDetail, const TokenDispatch&, KnownPatterns&);
  void add_pattern(const Cluster&, TrafficGroup&, const std::vector<Flow>&);
  void add_pools(const Cluster&, const std::vector<DeviceId>& devices);
  void note_passages(const Fabric&, std::span<const Hop>);

  std::vector<TrafficGroup> groups_;
  std::vector<Passage> first_, last_;
};

// Which links several jobs use, and which cannot limit anybody: no more can flow into them over the first links of
// all flows, or out of them over the last, than they carry. (Their constraint follows from those of the first or last
// links.)
class LinkUse {
 public:
  explicit LinkUse(const Cluster& cluster);
  void add(const JobTraffic&);
  bool several_jobs(LinkId link) const { return links_[link.index()].jobs > 1; }
  bool can_limit(LinkId) const;

 private:
  struct Use {
    std::uint32_t jobs = 0;
    bool is_end = false;
    double from_first = 0, to_last = 0;  // B/s
  };
  const Cluster& cluster_;
  std::vector<Use> links_;
};

}  // namespace orrery
