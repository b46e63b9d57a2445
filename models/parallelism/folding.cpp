#include "models/parallelism/folding.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>

namespace orrery {

namespace {

using Colour = std::uint64_t;

// Colours are hashes of what they stand for: 64 bits tell some millions of ranks, groups and links apart. Sums of
// mixed colours are colours of multisets.
Colour mix(Colour a, Colour b) {
  Colour h = a * 0x9E3779B97F4A7C15ull ^ (b + 0x632BE59BD9B4E019ull + (a >> 31));
  h ^= h >> 32;
  h *= 0xD6E8FEB86659FD93ull;
  h ^= h >> 32;
  h *= 0xD6E8FEB86659FD93ull;
  return h ^ (h >> 32);
}

// Sums taken in another order differ in the last bits: nine digits count.
Colour colour_of(double x) { return (std::bit_cast<std::uint64_t>(x) + (1u << 19)) >> 20; }

std::size_t distinct(std::vector<Colour> colours) {
  std::sort(colours.begin(), colours.end());
  return static_cast<std::size_t>(std::unique(colours.begin(), colours.end()) - colours.begin());
}

class Refinement {
 public:
  Refinement(const RankGrid& grid, const Cluster& cluster, const std::vector<DeviceId>& devices,
             const JobTraffic& traffic, const std::vector<int>& on_host, const LinkUse& all_jobs)
      : traffic_(traffic) {
    colour_ranks(grid, cluster, devices);
    for (std::size_t rank = 0; rank < on_host.size(); ++rank)
      ranks_[rank] = mix(ranks_[rank], static_cast<Colour>(on_host[rank]));
    collect_loads(cluster, all_jobs);
    for (std::size_t before = 0, now = count(); before != now; before = std::exchange(now, count())) round();
  }

  const std::vector<Colour>& ranks() const { return ranks_; }

 private:
  static constexpr std::uint32_t unknown = ~0u;
  struct Load {  // of a group on a link that it shares
    std::uint32_t link, group;
    Colour weight;
  };

  void colour_ranks(const RankGrid& grid, const Cluster& cluster, const std::vector<DeviceId>& devices) {
    for (int rank = 0; rank < grid.ranks(); ++rank) {
      const std::size_t device = devices[static_cast<std::size_t>(rank)].index();
      const double speed = cluster.speed.empty() ? 1 : cluster.speed[device];
      ranks_.push_back(mix(mix(static_cast<Colour>(grid.stage_of(rank)), cluster.type_of[device].value),
                           std::bit_cast<Colour>(speed)));
    }
  }

  // A link that one group has for itself is a limit of its own; a link that can limit nobody counts for nothing. What the
  // whole world does everybody waits for together, so it meets nothing else of this job.
  void collect_loads(const Cluster& cluster, const LinkUse& all_jobs) {
    const auto& groups = traffic_.groups();
    const std::vector<bool> shared = shared_links(cluster);
    std::vector<std::uint32_t> number(shared.size(), unknown);
    for (std::uint32_t g = 0; g < groups.size(); ++g) {
      Colour own = static_cast<Colour>(groups[g].family);
      for (const TrafficStep& step : groups[g].steps)
        for (Colour of_step : {Colour{step.pattern}, Colour{step.rounds}, colour_of(step.bytes),
                               colour_of(step.efficiency), colour_of(step.setup_s)})
          own = mix(own, of_step);
      for (std::size_t p = 0; p < groups[g].patterns.size() && groups[g].family != GroupFamily::world; ++p) {
        double limit = 0;
        for (const LinkLoad& load : groups[g].patterns[p].loads) {
          if (!all_jobs.can_limit(load.link)) continue;
          const Link& link = cluster.fabric.link(load.link);
          const bool others = all_jobs.several_jobs(load.link);
          if (!shared[load.link.index()] && !others) {
            limit = std::max(limit, load.weight / link.bandwidth.value);
            continue;
          }
          std::uint32_t& n = number[load.link.index()];
          if (n == unknown) {
            n = static_cast<std::uint32_t>(links_.size());
            // What another job does to a link is not known here: such a link is like no other.
            links_.push_back(mix(colour_of(link.bandwidth.value), others ? load.link.value + 1 : 0));
          }
          loads_.push_back({n, g, mix(p, colour_of(load.weight))});
        }
        for (double of_pattern : {groups[g].patterns[p].latency_s, groups[g].patterns[p].fair_share, limit})
          own = mix(own, colour_of(of_pattern));
      }
      groups_.push_back(own);
    }
  }

  // By link: whether several groups use it.
  std::vector<bool> shared_links(const Cluster& cluster) const {
    const auto& groups = traffic_.groups();
    std::vector<std::uint32_t> user(cluster.fabric.links().size(), unknown);
    std::vector<bool> shared(user.size(), false);
    for (std::uint32_t g = 0; g < groups.size(); ++g)
      for (const TrafficPattern& pattern : groups[g].patterns)
        for (const LinkLoad& load : pattern.loads) {
          if (groups[g].family == GroupFamily::world) continue;
          std::uint32_t& known = user[load.link.index()];
          if (known != unknown && known != g) shared[load.link.index()] = true;
          known = g;
        }
    return shared;
  }

  std::size_t count() const { return distinct(ranks_) + distinct(groups_) + distinct(links_); }

  void round() {
    std::vector<Colour> groups = groups_, links = links_, ranks = ranks_;
    for (const Load& load : loads_) groups[load.group] += mix(links_[load.link], load.weight);
    std::vector<Colour> members;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const TrafficGroup& group = traffic_.groups()[g];
      members.clear();
      for (int rank : group.ranks) members.push_back(ranks_[static_cast<std::size_t>(rank)]);
      if (group.family != GroupFamily::next_stage) {  // of which only the first sends forward
        std::sort(members.begin(), members.end());
        members.erase(std::unique(members.begin(), members.end()), members.end());
      }
      for (Colour member : members) groups[g] = mix(groups[g], member);
    }
    for (const Load& load : loads_) links[load.link] += mix(groups[load.group], load.weight);
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const TrafficGroup& group = traffic_.groups()[g];
      for (std::size_t i = 0; i < group.ranks.size(); ++i) {
        const bool receives = group.family == GroupFamily::next_stage && i == 1;
        ranks[static_cast<std::size_t>(group.ranks[i])] += mix(groups[g], receives);
      }
    }
    for (std::vector<Colour>* colours : {&groups, &links, &ranks})
      for (Colour& colour : *colours) colour = mix(colour, 0);
    groups_ = std::move(groups);
    links_ = std::move(links);
    ranks_ = std::move(ranks);
  }

  const JobTraffic& traffic_;
  std::vector<Colour> ranks_, groups_, links_;
  std::vector<Load> loads_;
};

// Numbers classes in the order of their first rank.
Folding folding_of(const std::vector<Colour>& colours) {
  Folding f;
  std::map<Colour, int> number;
  for (std::size_t rank = 0; rank < colours.size(); ++rank) {
    const auto [at, fresh] = number.try_emplace(colours[rank], static_cast<int>(number.size()));
    if (fresh) f.members.emplace_back();
    f.class_of.push_back(at->second);
    f.members[static_cast<std::size_t>(at->second)].push_back(static_cast<int>(rank));
  }
  return f;
}

}  // namespace

Folding unfolded(const RankGrid& grid) {
  std::vector<Colour> colours(static_cast<std::size_t>(grid.ranks()));
  std::iota(colours.begin(), colours.end(), 0);
  return folding_of(colours);
}

Folding by_stage(const RankGrid& grid) {
  std::vector<Colour> colours;
  for (int rank = 0; rank < grid.ranks(); ++rank) colours.push_back(static_cast<Colour>(grid.stage_of(rank)));
  return folding_of(colours);
}

Folding fold(const RankGrid& grid, const Cluster& cluster, const std::vector<DeviceId>& devices,
             const JobTraffic& traffic, const std::vector<int>& on_host, const LinkUse* all_jobs) {
  LinkUse alone(cluster);
  if (!all_jobs) alone.add(traffic);
  return folding_of(Refinement(grid, cluster, devices, traffic, on_host, all_jobs ? *all_jobs : alone).ranks());
}

}  // namespace orrery
