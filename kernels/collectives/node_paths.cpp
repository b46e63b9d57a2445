#include "kernels/collectives/node_paths.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <numeric>
#include <tuple>

namespace orrery {

namespace {

constexpr std::size_t most_channels = 64, most_per_nic = 8;

int attempts(const NodeInside& in) { return in.links.members <= 64 ? 8 : 2; }

// Of an attempt: enough to place all channels with some turning back.
std::size_t most_steps(const NodeInside& in, std::size_t channels) {
  return std::max<std::size_t>(4'000, 4 * channels * in.links.members);
}

// Ways through the node of which each may be taken by as many channels as a cable: rings, to be opened anywhere, or paths.
struct Family {
  std::vector<RankList> ways;
  bool closed = true;
};

std::vector<Family> families(const DirectLinks& links, std::size_t channels) {
  std::vector<Family> all;
  if (links.complete() && links.members % 2 == 0) {
    RankList members(links.members);
    std::iota(members.begin(), members.end(), 0u);
    Family& paths = all.emplace_back();
    paths.closed = false;
    for (std::size_t start = 0; start < members.size(); ++start) paths.ways.push_back(zigzag(members, start));
  }
  if (auto rings = disjoint_rings(links, (channels + 1) / 2); !rings.empty()) {
    Family& both_ways = all.emplace_back();
    for (const RankList& ring : rings) {
      both_ways.ways.push_back(ring);
      both_ways.ways.emplace_back(ring.rbegin(), ring.rend());
    }
  }
  return all;
}

// What both searches keep: the channels placed so far and what they leave of the NICs.
class Placing {
 public:
  Placing(const NodeInside& in, std::size_t channels)
      : in_(in),
        channels_(channels),
        per_nic_((channels + in.nics - 1) / in.nics),
        left_by_(in.nics, 0),
        most_steps_(most_steps(in, channels)) {}

  std::vector<RankList> take() { return std::move(paths_); }
  bool complete() const { return steps_ <= most_steps_; }  // what was not found is not there

 protected:
  bool step() { return ++steps_ <= most_steps_; }
  std::size_t n() const { return in_.links.members; }
  std::size_t entry(std::size_t channel) const { return nic_of_channel(channel, channels_, in_.nics); }
  bool may_leave(std::uint32_t member) const { return left_by_[in_.nic[member]] < per_nic_; }
  void push(RankList path) {
    ++left_by_[in_.nic[path.back()]];
    paths_.push_back(std::move(path));
  }
  RankList pop() {
    RankList path = std::move(paths_.back());
    paths_.pop_back();
    --left_by_[in_.nic[path.back()]];
    return path;
  }

  const NodeInside& in_;
  std::size_t channels_, per_nic_;    // that enter or leave by one NIC
  std::vector<std::size_t> left_by_;  // channels that leave by each
  std::vector<RankList> paths_;
  std::size_t steps_ = 0, most_steps_;
};

class FamilySearch : public Placing {
 public:
  FamilySearch(const NodeInside& in, std::size_t channels, const Family& family, std::size_t limit)
      : Placing(in, channels), family_(family), limit_(limit), used_(family.ways.size(), 0) {}

  bool run() { return family_.ways.size() * limit_ >= channels_ && place(); }

 private:
  bool place() {
    if (paths_.size() == channels_) return true;
    const std::size_t nic = entry(paths_.size());
    for (std::size_t i = 0; i < family_.ways.size(); ++i) {
      const std::size_t w = (paths_.size() + i) % family_.ways.size();
      if (used_[w] == limit_) continue;
      const RankList& way = family_.ways[w];
      // In and out by one NIC first, which takes least from the other channels.
      for (const bool by_same : {true, false})
        for (std::size_t at = 0; at < (family_.closed ? n() : 1); ++at) {
          const std::uint32_t last = way[(at + n() - 1) % n()];
          if (in_.nic[way[at]] != nic || !may_leave(last) || (in_.nic[last] == nic) != by_same) continue;
          if (!step()) return false;
          if (place_on(w, at)) return true;
        }
    }
    return false;
  }

  bool place_on(std::size_t w, std::size_t start) {
    RankList path = family_.ways[w];
    std::rotate(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(start), path.end());
    ++used_[w];
    push(std::move(path));
    if (place()) return true;
    pop();
    --used_[w];
    return false;
  }

  const Family& family_;
  std::size_t limit_;  // channels on one way
  std::vector<std::size_t> used_;
};

// Path by path, always to the member with the fewest ways on (Warnsdorff), ties broken anew in every attempt.
class PathSearch : public Placing {
 public:
  PathSearch(const NodeInside& in, std::size_t channels, std::size_t limit, int attempt)
      : Placing(in, channels), next_to_(n()), free_(in.links.cables), attempt_(static_cast<std::uint64_t>(attempt)) {
    for (int& cables : free_) cables *= static_cast<int>(limit);
    for (std::uint32_t a = 0; a < n(); ++a)
      for (std::uint32_t b = 0; b < n(); ++b)
        if (free(a, b) > 0) next_to_[a].push_back(b);
  }

  bool run() { return place(); }

 private:
  int& free(std::uint32_t a, std::uint32_t b) { return free_[a * n() + b]; }

  std::uint64_t tie(std::uint32_t a, std::uint32_t b) const {
    if (attempt_ == 0) return b;
    std::uint64_t x = (attempt_ << 48) + (paths_.size() << 32) + (std::uint64_t{a} << 16) + b + 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }

  // Every channel to come enters every member but where it starts, and leaves it but where it ends.
  bool possible() {
    const std::size_t to_come = channels_ - paths_.size();
    std::vector<std::size_t> starts(in_.nics, 0);
    for (std::size_t c = paths_.size(); c < channels_; ++c) ++starts[entry(c)];
    for (std::uint32_t v = 0; v < n(); ++v) {
      std::size_t in = 0, out = 0;
      for (std::uint32_t u = 0; u < n(); ++u) {
        in += static_cast<std::size_t>(free(u, v));
        out += static_cast<std::size_t>(free(v, u));
      }
      const std::size_t nic = in_.nic[v];
      if (in + starts[nic] < to_come || out + per_nic_ - left_by_[nic] < to_come) return false;
    }
    return true;
  }

  bool place() {
    if (paths_.size() == channels_) return true;
    if (!possible()) return false;
    RankList starts;
    for (std::uint32_t v = 0; v < n(); ++v)
      if (in_.nic[v] == entry(paths_.size())) starts.push_back(v);
    std::sort(starts.begin(), starts.end(), [&](auto a, auto b) { return tie(a, a) < tie(b, b); });
    for (std::uint32_t start : starts) {
      RankList path{start};
      std::vector<bool> used(n(), false);
      used[start] = true;
      if (walk(path, used)) return true;
    }
    return false;
  }

  std::size_t ways_on(std::uint32_t from, const std::vector<bool>& used) {
    std::size_t ways = 0;
    for (std::uint32_t b : next_to_[from]) ways += !used[b] && free(from, b) > 0;
    return ways;
  }

  // Where a path may go on, the best way first. Not part of walk(), which recurses as deep as there are members in all
  // channels and has to keep its frame small.
  [[gnu::noinline]] RankList ways_from(const RankList& path, const std::vector<bool>& used) {
    struct Next {
      std::size_t ways;
      std::uint64_t tie;
      std::uint32_t member;
    };
    std::vector<Next> next;
    std::size_t ends = 0;  // members that may still be the last
    for (std::uint32_t b = 0; b < n(); ++b) ends += !used[b] && may_leave(b);
    for (std::uint32_t b : next_to_[path.back()])
      if (const bool spent = ends == (may_leave(b) ? 1 : 0) && path.size() + 1 < n();
          !used[b] && !spent && free(path.back(), b) > 0)
        next.push_back({ways_on(b, used), tie(path.back(), b), b});
    std::sort(next.begin(), next.end(),
              [](const Next& a, const Next& b) { return a.ways != b.ways ? a.ways < b.ways : a.tie < b.tie; });
    RankList members;
    for (const Next& step : next) members.push_back(step.member);
    return members;
  }

  bool walk(RankList& path, std::vector<bool>& used) {
    if (!step()) return false;
    if (path.size() == n()) return may_leave(path.back()) && keep(path);
    for (const std::uint32_t member : ways_from(path, used)) {
      used[member] = true;
      path.push_back(member);
      if (walk(path, used)) return true;
      path.pop_back();
      used[member] = false;
    }
    return false;
  }

  bool keep(const RankList& path) {
    for (std::size_t i = 1; i < path.size(); ++i) --free(path[i - 1], path[i]);
    push(path);
    if (place()) return true;
    const RankList back = pop();
    for (std::size_t i = 1; i < back.size(); ++i) ++free(back[i - 1], back[i]);
    return false;
  }

  std::vector<RankList> next_to_;
  std::vector<int> free_;  // of each cable: channels that it may still take
  std::uint64_t attempt_;
};

std::vector<RankList> search_paths(const NodeInside& in, std::size_t channels, std::size_t limit) {
  constexpr std::size_t most_depth = 1 << 14;  // of recursion: members in all channels
  if (in.links.members * channels > most_depth) return {};
  for (int attempt = 0; attempt < attempts(in); ++attempt) {
    PathSearch search(in, channels, limit, attempt);
    if (search.run()) return search.take();
    if (search.complete()) break;
  }
  return {};
}

std::size_t cables_into(const DirectLinks& links, std::uint32_t member) {
  std::size_t cables = 0;
  for (std::uint32_t from = 0; from < links.members; ++from)
    cables += static_cast<std::size_t>(links.between(from, member));
  return cables;
}

std::size_t over(std::size_t a, std::size_t b) { return b == 0 ? a : (a + b - 1) / b; }

// The least number of channels on the busiest cable, by what must enter each member and all of them.
std::size_t least_shared(const NodeInside& in, std::size_t channels) {
  const std::size_t starts = over(channels, in.nics);
  std::size_t least = 1, all = 0;
  for (std::uint32_t v = 0; v < in.links.members; ++v) {
    const std::size_t cables = cables_into(in.links, v);
    all += cables;
    least = std::max(least, over(channels - starts, cables));
  }
  return std::max(least, over(channels * (in.links.members - 1), all));
}

// s per byte of the ring, of the busiest cable and of NICs that `asked` channels or multiples of them enter by.
double busiest(const NodeInside& in, std::size_t asked, std::size_t channels, std::size_t shared) {
  const double cables = static_cast<double>(shared) / static_cast<double>(channels) / in.links.unit;
  return in.nic_rate > 0 ? std::max(cables, 1 / (static_cast<double>(asked) * in.nic_rate)) : cables;
}

}  // namespace

NodePaths node_paths(const NodeInside& in, std::size_t channels) {
  if (in.links.unit == 0 || in.links.members < 2 || in.links.members > most_searched) return {};
  const std::vector<Family> known = families(in.links, channels);
  if (known.empty() && search_paths(in, channels, channels).empty()) return {};  // however many share a cable
  for (std::size_t limit = least_shared(in, channels);; limit += std::max<std::size_t>(1, limit / 4)) {
    limit = std::min(limit, channels);
    for (const Family& family : known)
      if (FamilySearch search(in, channels, family, limit); search.run()) return {search.take(), limit};
    if (auto paths = search_paths(in, channels, limit); !paths.empty() || limit == channels)
      return {std::move(paths), limit};
  }
}

static NodePaths search_best(const NodeInside& in, std::size_t channels) {
  constexpr double worthwhile = 0.95;
  NodePaths best = node_paths(in, channels);
  double least = busiest(in, channels, channels, best.shared);
  for (std::size_t times = 2; times <= most_per_nic && times * channels <= most_channels; ++times) {
    const std::size_t more = times * channels;
    if (best.paths.empty() || busiest(in, channels, more, least_shared(in, more)) > worthwhile * least) continue;
    NodePaths tried = node_paths(in, more);
    const double now = busiest(in, channels, more, tried.shared);
    if (tried.paths.empty() || now > worthwhile * least) continue;
    best = std::move(tried);
    least = now;
  }
  return best;
}

NodePaths best_node_paths(const NodeInside& in, std::size_t channels) {
  if (in.links.unit == 0) return {};
  using Key = std::tuple<std::vector<int>, std::vector<std::size_t>, double, double, std::size_t>;
  constexpr std::size_t most_kept = 256;
  static std::mutex guard;
  static std::map<Key, NodePaths> kept;
  const std::lock_guard lock(guard);
  if (kept.size() == most_kept) kept.clear();
  const auto [found, added] = kept.try_emplace({in.links.cables, in.nic, in.links.unit, in.nic_rate, channels});
  if (added) found->second = search_best(in, channels);
  return found->second;
}

}  // namespace orrery
