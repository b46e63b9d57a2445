#include "kernels/collectives/graph_rings.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace orrery {

namespace {

constexpr std::size_t searched_fully = 8;    // members
constexpr std::size_t most_steps = 200'000;  // of a search over more than those, or over bundles of many cables
constexpr std::size_t most_depth = 1 << 14;  // of a search: members of all its rings
constexpr double least_width = 1.0 / 64;     // of a cable that rings take, as a part of the widest

class RingSearch {
 public:
  RingSearch(const DirectLinks& links, std::size_t most) : n_(links.members), left_(links.cables) {
    most_ = std::min({most, two_of_every_member(), most_depth / n_});
    fully_ = n_ <= searched_fully && most_ <= n_;
  }

  std::vector<RankList> run() {
    extend();
    return best_;
  }

 private:
  std::size_t at(std::uint32_t a, std::uint32_t b) const { return static_cast<std::size_t>(a) * n_ + b; }

  // Every cycle takes two links of every member.
  std::size_t two_of_every_member() const {
    int least = 1 << 20;
    for (std::uint32_t a = 0; a < n_; ++a) {
      int links = 0;
      for (std::uint32_t b = 0; b < n_; ++b) links += left_[at(a, b)];
      least = std::min(least, links / 2);
    }
    return static_cast<std::size_t>(least);
  }

  void extend() {
    if (chosen_.size() > best_.size()) best_ = chosen_;
    if (best_.size() >= most_) return;
    RankList path{0};
    std::vector<bool> used(n_, false);
    used[0] = true;
    walk(path, used);
  }

  void walk(RankList& path, std::vector<bool>& used) {
    if (best_.size() >= most_ || (!fully_ && ++steps_ > most_steps)) return;
    if (path.size() == n_) {
      if (left_[at(path.back(), 0)] == 0 || (n_ > 2 && path[1] > path.back()))
        return;  // each cycle in one direction only
      take(path, -1);
      chosen_.push_back(path);
      extend();
      chosen_.pop_back();
      take(path, +1);
      return;
    }
    for (std::uint32_t b = 1; b < n_; ++b) {
      if (used[b] || left_[at(path.back(), b)] == 0) continue;
      used[b] = true;
      path.push_back(b);
      walk(path, used);
      path.pop_back();
      used[b] = false;
    }
  }

  void take(const RankList& cycle, int change) {
    for (std::size_t i = 0; i < cycle.size(); ++i) {
      const std::uint32_t a = cycle[i], b = cycle[(i + 1) % cycle.size()];
      left_[at(a, b)] += change;
      left_[at(b, a)] += change;
    }
  }

  std::uint32_t n_;
  std::vector<int> left_;  // parallel links between two members that no ring uses yet
  std::size_t most_ = 0, steps_ = 0;
  bool fully_ = true;
  std::vector<RankList> chosen_, best_;
};

}  // namespace

RankList zigzag(const RankList& ranks, std::size_t start) {
  RankList path;
  const std::size_t n = ranks.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t step = (i + 1) / 2;
    path.push_back(ranks[(start + (i % 2 == 1 ? step : n - step)) % n]);
  }
  return path;
}

// Zigzag paths over the first 2k ranks, each closed through one rank more. Where one is left over, it is put into the middle
// of each: the links it replaces, from r to r + k, have no end in common.
std::vector<RankList> rings_of_complete_graph(std::uint32_t ranks) {
  const std::uint32_t count = (ranks - 1) / 2;
  RankList inner(2 * std::size_t{count});
  std::iota(inner.begin(), inner.end(), 0u);
  std::vector<RankList> rings;
  for (std::uint32_t start = 0; start < count; ++start) {
    RankList& ring = rings.emplace_back(zigzag(inner, start));
    if (ranks % 2 == 0) ring.insert(ring.begin() + count, ranks - 2);
    ring.push_back(ranks - 1);
  }
  return rings;
}

bool has_direct_links(DomainKind kind) { return kind != DomainKind::network_switch && kind != DomainKind::pcie_tree; }

bool DirectLinks::complete() const {
  for (std::uint32_t a = 0; a < members; ++a)
    for (std::uint32_t b = 0; b < members; ++b)
      if (a != b && between(a, b) != 1) return false;
  return true;
}

DirectLinks direct_links(const Group& group, const RankList& ranks) {
  DirectLinks links;
  links.members = static_cast<std::uint32_t>(ranks.size());
  std::vector<double> bandwidth(ranks.size() * ranks.size(), 0);
  std::vector<Hop> hops;
  for (std::size_t a = 0; a < ranks.size(); ++a)
    for (std::size_t b = 0; b < ranks.size(); ++b) {
      if (a == b) continue;
      hops.clear();
      group.cluster->router->route(group.places[ranks[a]], group.places[ranks[b]], 0, hops);
      if (hops.size() != 1) continue;
      bandwidth[a * ranks.size() + b] = group.cluster->fabric.link(hops[0].link).bandwidth.value;
    }
  // A cable much slower than the others (one degraded) is none where its ends have better: it would be the unit, and they
  // thousands.
  const double least = bandwidth.empty() ? 0 : least_width * *std::max_element(bandwidth.begin(), bandwidth.end());
  std::vector<int> wide(ranks.size(), 0);  // cables of a member that rings can take; with fewer than two it needs all
  for (std::size_t i = 0; i < bandwidth.size(); ++i)
    wide[i / ranks.size()] += bandwidth[i] >= least && bandwidth[i] > 0;
  for (std::size_t i = 0; i < bandwidth.size(); ++i) {
    double& width = bandwidth[i];
    if (width < least && std::min(wide[i / ranks.size()], wide[i % ranks.size()]) >= 2) width = 0;
    if (width > 0) links.unit = links.unit == 0 ? width : std::min(links.unit, width);
  }
  links.cables.assign(bandwidth.size(), 0);
  for (std::size_t i = 0; i < bandwidth.size() && links.unit > 0; ++i)
    links.cables[i] = static_cast<int>(std::lround(bandwidth[i] / links.unit));
  return links;
}

std::vector<RankList> disjoint_rings(const DirectLinks& links, std::size_t most) {
  if (links.unit == 0 || links.members < 3) return {};
  if (!links.complete()) return RingSearch(links, most).run();
  std::vector<RankList> rings = rings_of_complete_graph(links.members);
  rings.resize(std::min(rings.size(), most));
  return rings;
}

std::vector<RankList> rings_on_graph(const Group& group) {
  RankList ranks(group.ranks);
  std::iota(ranks.begin(), ranks.end(), 0u);
  const RankList& order = group.nodes[0].ranks;
  std::vector<RankList> rings;
  if (group.ranks == 2) return {order};
  if (group.ranks <= most_searched) rings = disjoint_rings(direct_links(group, ranks));
  if (rings.empty()) rings.push_back(order);
  const std::size_t found = rings.size();
  for (std::size_t i = 0; i < found; ++i) rings.emplace_back(rings[i].rbegin(), rings[i].rend());
  return rings;
}

}  // namespace orrery
