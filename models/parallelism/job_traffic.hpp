// The traffic of the groups that the ranks of a job communicate in, laid onto the fabric: what folding compares. One
// pattern per step of every collective that a group may run (the algorithms chosen for a large and for a tiny buffer,
// both directions of messages between stages), and which links can limit it at all.
#pragma once

#include <cstdint>
#include <vector>

#include "models/parallelism/rank_grid.hpp"
#include "sim/cluster.hpp"
#include "sim/routes.hpp"

namespace orrery {

struct TrafficPattern {
  std::vector<LinkLoad> loads;  // sorted by link
  double latency_s = 0;
};

struct TrafficGroup {
  GroupFamily family = GroupFamily::tensor;
  std::vector<int> ranks;
  std::vector<TrafficPattern> patterns;
};

class JobTraffic {
 public:
  // `devices`: the device of each rank.
  JobTraffic(const RankGrid&, const Cluster&, const std::vector<DeviceId>& devices);
  const std::vector<TrafficGroup>& groups() const { return groups_; }

  // A link and the first (or last) link of a flow that takes it.
  struct Passage {
    LinkId link, end;
    auto operator<=>(const Passage&) const = default;
  };
  const std::vector<Passage>& from_first_links() const { return first_; }  // every different one
  const std::vector<Passage>& to_last_links() const { return last_; }

 private:
  void add_group(const Cluster&, GroupFamily, const std::vector<int>& ranks, const std::vector<DeviceId>& devices);
  void add_pattern(const Cluster&, TrafficGroup&, const std::vector<Flow>&);
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
