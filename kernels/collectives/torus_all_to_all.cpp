#include "kernels/collectives/torus_all_to_all.hpp"

#include <array>
#include <optional>

#include "kernels/collectives/torus_grid.hpp"

namespace orrery {

namespace {

constexpr std::uint32_t nobody = ~0u;

struct Step {  // to the next member along an axis, or to the one before
  std::size_t axis = 0;
  bool forward = true;
};

bool whole_torus(const Group& group) {
  const Domain* domain = group.scale_up();
  if (!domain || (domain->kind != DomainKind::torus && domain->kind != DomainKind::ring)) return false;
  return group.ranks == domain->members.size() && group.ranks > 2 && group.cluster->fabric.degraded().empty();
}

class Source {
 public:
  Source(const Group& group, const TorusGrid& grid)
      : group_(group), grid_(grid), rank_at_(group.cluster->fabric.vertices().size(), nobody) {
    for (std::uint32_t r = 0; r < group.ranks; ++r) rank_at_[group.places[r].index()] = r;
    crossing_.resize(grid.axes.size());
  }

  // Adds up what rank 0 sends to all; false where a path leaves the torus or depends on its flow.
  bool add_all() {
    std::vector<Hop> hops, others;
    double longest = 0;
    for (std::uint32_t to = 1; to < group_.ranks; ++to) {
      route(to, 0, hops);
      for (std::uint64_t key = 1; key < 8; ++key) {
        route(to, key, others);
        if (!alike(hops, others)) return false;
      }
      double length = 0;
      for (const Hop& hop : hops) {
        const std::optional<Step> step = step_of(hop);
        if (!step) return false;
        crossing_[step->axis][step->forward ? 0 : 1] += hop.share;
        length += hop.share;
      }
      if (length <= longest) continue;
      longest = length;
      farthest_ = way_along(hops, to);
    }
    return true;
  }

  const std::array<double, 2>& crossing(std::size_t axis) const { return crossing_[axis]; }
  const std::vector<Step>& farthest() const { return farthest_; }

 private:
  void route(std::uint32_t to, std::uint64_t key, std::vector<Hop>& hops) const {
    hops.clear();
    group_.cluster->router->route(group_.places[0], group_.places[to], key, hops);
  }
  static bool alike(const std::vector<Hop>& a, const std::vector<Hop>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t h = 0; h < a.size(); ++h)
      if (a[h].link != b[h].link) return false;
    return true;
  }
  std::uint32_t end(VertexId v) const { return rank_at_[v.index()]; }

  std::optional<Step> step_of(const Hop& hop) const {
    const Link& link = group_.cluster->fabric.link(hop.link);
    const std::uint32_t from = end(link.from), to = end(link.to);
    if (from == nobody || to == nobody) return std::nullopt;
    for (std::size_t a = 0; a < grid_.axes.size(); ++a) {
      if (grid_.axes[a].next[from] == to) return Step{a, true};
      if (grid_.axes[a].before[from] == to) return Step{a, false};
    }
    return std::nullopt;
  }

  // The first of the ways that the hops are, which stand in the order of each.
  std::vector<Step> way_along(const std::vector<Hop>& hops, std::uint32_t to) const {
    std::vector<Step> way;
    std::uint32_t at = 0;
    for (const Hop& hop : hops) {
      const Link& link = group_.cluster->fabric.link(hop.link);
      if (end(link.from) != at || at == to) continue;
      way.push_back(*step_of(hop));
      at = end(link.to);
    }
    return way;
  }

  const Group& group_;
  const TorusGrid& grid_;
  RankList rank_at_;                             // by vertex
  std::vector<std::array<double, 2>> crossing_;  // by axis, forward and back: flows over all its links together
  std::vector<Step> farthest_;
};

}  // namespace

std::vector<PairTraffic> torus_all_pairs(const Group& group, double share) {
  if (!whole_torus(group)) return {};
  const TorusGrid grid = torus_grid(group, 0);
  Source source(group, grid);
  if (!source.add_all()) return {};
  std::vector<PairTraffic> pairs;
  for (std::uint32_t rank = 0; rank < group.ranks; ++rank) {
    for (std::size_t a = 0; a < grid.axes.size(); ++a) {
      const auto [forward, back] = source.crossing(a);
      if (forward > 0) pairs.push_back({rank, grid.axes[a].next[rank], share, forward});
      if (back > 0) pairs.push_back({rank, grid.axes[a].before[rank], share, back});
    }
    std::uint32_t farthest = rank;
    for (const Step& step : source.farthest())
      farthest = (step.forward ? grid.axes[step.axis].next : grid.axes[step.axis].before)[farthest];
    pairs.push_back({rank, farthest, share, 0});
  }
  return pairs;
}

}  // namespace orrery
