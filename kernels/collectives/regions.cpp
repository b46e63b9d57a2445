// Collectives of a group that spans regions: all-gather among the ranks of equal place in all regions, then among the nodes of
// a region, then inside every node, on rings; reduce-scatter is the same the other way round, all-reduce both, one after
// the other (hierarchical rings: BlueConnect, Cho et al., SysML 2019, with a level for regions, as in MAST and other
// cross-site training). Distance is paid R - 1 times each way instead of by every round of a ring over all ranks, and a
// region sends no more than (R - 1)/R of the buffer each way, the least there is.
// Needs equally many nodes of the group in every region and equally many members on every node.
#include <algorithm>
#include <array>
#include <map>

#include "kernels/collectives/algorithms.hpp"

namespace orrery {

namespace {

// The nodes of the group, by region; empty where the group does not span several that are alike.
std::vector<std::vector<std::uint32_t>> regions_of(const Group& group) {
  if (!group.domain || group.domain->kind != DomainKind::wide_area || !group.equal_nodes()) return {};
  const Fabric& fabric = group.cluster->fabric;
  const auto region_of = [&](DeviceId device) {
    DomainId at = fabric.domain_of(device), below;
    for (; at.valid() && &fabric.domain(at) != group.domain; at = fabric.domain(at).parent) below = at;
    return below;
  };
  std::map<DomainId, std::vector<std::uint32_t>> by_region;
  for (std::uint32_t k = 0; k < group.nodes.size(); ++k)
    by_region[region_of(group.members[group.nodes[k].ranks.front()])].push_back(k);
  const std::size_t each = by_region.begin()->second.size();
  std::vector<std::vector<std::uint32_t>> regions;
  for (auto& [region, nodes] : by_region) {
    if (!region.valid() || nodes.size() != each) return {};
    regions.push_back(std::move(nodes));
  }
  return regions;
}

// Ranks by region, node and place in the node, and one ring of neighbours at each of these levels.
class Places {
 public:
  explicit Places(const Group& group) : group_(group), regions_(regions_of(group)) {
    size_ = {static_cast<std::uint32_t>(regions_.size()), static_cast<std::uint32_t>(regions_.front().size()),
             static_cast<std::uint32_t>(group.members_per_node())};
  }
  using Place = std::array<std::uint32_t, 3>;
  static constexpr std::size_t levels = 3;  // regions, nodes of a region, members of a node

  std::uint32_t size(std::size_t level) const { return size_[level]; }
  std::uint32_t rank(const Place& p) const { return group_.nodes[regions_[p[0]][p[1]]].ranks[p[2]]; }
  std::uint32_t moved(Place p, std::size_t level, std::uint32_t by) const {
    p[level] = (p[level] + by) % size_[level];
    return rank(p);
  }
  RankList ring(Place p, std::size_t level) const {
    RankList ranks;
    for (p[level] = 0; p[level] < size_[level]; ++p[level]) ranks.push_back(rank(p));
    return ranks;
  }
  template <class Visit> void each(Visit visit) const {
    for (std::uint32_t r = 0; r < size_[0]; ++r)
      for (std::uint32_t k = 0; k < size_[1]; ++k)
        for (std::uint32_t i = 0; i < size_[2]; ++i) visit(Place{r, k, i});
  }
  // The chunks that a rank passes on in round t of a level: what the rank t steps before it had when the level began, that
  // is the chunks of all ranks that differ from that one on the levels before.
  template <class Visit> void chunks(Place p, std::size_t level, std::uint32_t t, Visit visit) const {
    p[level] = (p[level] + size_[level] - t) % size_[level];
    for (std::uint32_t r = 0; r < (level > 0 ? size_[0] : 1); ++r)
      for (std::uint32_t k = 0; k < (level > 1 ? size_[1] : 1); ++k)
        visit(rank({level > 0 ? r : p[0], level > 1 ? k : p[1], p[2]}));
  }
  // Of the buffer, in one round.
  double share(std::size_t level) const {
    double chunks = 1;
    for (std::size_t l = 0; l < level; ++l) chunks *= size_[l];
    return chunks / group_.ranks;
  }

 private:
  const Group& group_;
  std::vector<std::vector<std::uint32_t>> regions_;
  Place size_{};
};

// Levels in the order in which a collective goes through them, outermost first to gather, last to reduce.
struct Stage {
  std::size_t level;
  bool reduce;
};

std::vector<Stage> stages_of(CollectiveKind kind, const Places& places) {
  std::vector<Stage> stages;
  if (kind != CollectiveKind::all_gather)
    for (std::size_t level = Places::levels; level-- > 0;) stages.push_back({level, true});
  if (kind != CollectiveKind::reduce_scatter)
    for (std::size_t level = 0; level < Places::levels; ++level) stages.push_back({level, false});
  std::erase_if(stages, [&](const Stage& stage) { return places.size(stage.level) < 2; });
  return stages;
}

}  // namespace

bool regions_supports(CollectiveKind kind, const Group& group) {
  const bool sums = kind == CollectiveKind::all_reduce || kind == CollectiveKind::reduce_scatter ||
                    kind == CollectiveKind::all_gather;
  return sums && group.ranks > 1 && regions_of(group).size() > 1;
}

CollectiveSchedule regions_schedule(CollectiveKind kind, const Group& group) {
  const Places places(group);
  CollectiveSchedule schedule;
  schedule.ranks = schedule.chunks = group.ranks;
  schedule.chunk_share = 1.0 / group.ranks;
  std::uint32_t phase = 0;
  for (const auto& [level, reduce] : stages_of(kind, places)) {
    const std::uint32_t last = places.size(level) - 1;
    for (std::uint32_t t = 0; t < last; ++t) {
      Round& round = schedule.rounds.emplace_back();
      round.phase = phase;
      // Reducing is gathering backwards: the last round first, from the receiver to the sender.
      places.each([&, level = level, reduce = reduce](const Places::Place& p) {
        const std::uint32_t here = places.rank(p), next = places.moved(p, level, 1);
        places.chunks(p, level, reduce ? last - 1 - t : t, [&](std::uint32_t chunk) {
          round.sends.push_back(reduce ? Send{next, here, chunk, 1, SendAction::reduce}
                                       : Send{here, next, chunk, 1, SendAction::copy});
        });
      });
    }
    ++phase;
  }
  return schedule;
}

std::vector<TrafficPhase> regions_traffic(CollectiveKind kind, const Group& group) {
  const Places places(group);
  std::vector<TrafficPhase> phases;
  for (const auto& [level, reduce] : stages_of(kind, places)) {
    TrafficPhase& phase = phases.emplace_back();
    phase.rounds = places.size(level) - 1;
    phase.node_rounds = level < 2 ? phase.rounds : 0;
    post_once_a_round(phase);
    std::vector<RankList> rings;
    places.each([&, level = level, reduce = reduce](const Places::Place& p) {
      const std::uint32_t here = places.rank(p), next = places.moved(p, level, 1);
      if (p[level] == 0) rings.push_back(places.ring(p, level));
      if (p[level] == 0 && reduce) std::reverse(rings.back().begin(), rings.back().end());
      phase.pairs.push_back({reduce ? next : here, reduce ? here : next, phase.rounds * places.share(level), 1});
    });
    merge_pairs(phase.pairs);
    phase.longest = way_round(std::move(rings), phase.rounds);
  }
  return phases;
}

}  // namespace orrery
