#include "topologies/lattice.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "topologies/wiring.hpp"

namespace orrery {

namespace {

int wrapped(int x, int size) { return (x % size + size) % size; }

int length(const std::vector<int>& way) {
  return std::accumulate(way.begin(), way.end(), 0, [](int sum, int steps) { return sum + std::abs(steps); });
}

}  // namespace

Lattice::Lattice(std::vector<int> all, bool closed) : sizes(std::move(all)), strides(sizes.size(), 1), wraps(closed) {
  for (std::size_t d = sizes.size(); d-- > 1;) strides[d - 1] = strides[d] * sizes[d];
}

int Lattice::vertices() const { return sizes.empty() ? 0 : sizes[0] * strides[0]; }

bool Lattice::make_twisted() {
  if (!wraps) return false;
  std::vector<std::vector<int>> all(sizes.size());
  bool any = false;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    std::vector<int> shift(sizes.size(), 0);
    for (std::size_t e = 0; e < sizes.size(); ++e)
      if (sizes[d] >= 2 && sizes[e] == 2 * sizes[d]) shift[e] = sizes[d];
    if (std::all_of(shift.begin(), shift.end(), [](int s) { return s == 0; })) continue;
    all[d] = std::move(shift);
    any = true;
  }
  // A dimension that others are shifted along must wrap straight: three sizes k, 2k, 4k would twist in turn.
  for (std::size_t d = 0; d < sizes.size(); ++d)
    for (std::size_t e = 0; e < sizes.size(); ++e)
      if (!all[d].empty() && all[d][e] != 0 && !all[e].empty()) return false;
  if (any) twist = std::move(all);
  return any;
}

int Lattice::neighbour(int v, std::size_t d, int direction) const {
  const int next = coordinate(v, d) + direction;
  if (next >= 0 && next < sizes[d]) return moved(v, d, next);
  if (!wraps) return -1;
  v = moved(v, d, wrapped(next, sizes[d]));
  if (!twisted(d)) return v;
  for (std::size_t e = 0; e < sizes.size(); ++e)
    v = moved(v, e, wrapped(coordinate(v, e) + direction * twist[d][e], sizes[e]));
  return v;
}

std::vector<std::vector<int>> shortest_ways(const Lattice& lattice, int from, int to) {
  const std::size_t n = lattice.sizes.size();
  std::vector<int> straight(n);
  for (std::size_t d = 0; d < n; ++d) straight[d] = lattice.coordinate(to, d) - lattice.coordinate(from, d);
  std::vector<std::vector<int>> ways{straight};
  // Going once more round a twisted dimension: size steps along it, and the shift back along the others.
  for (std::size_t d = 0; d < n; ++d) {
    if (!lattice.twisted(d)) continue;
    for (std::size_t w = ways.size(); w-- > 0;)
      for (int round : {-1, +1}) {
        std::vector<int> way = ways[w];
        for (std::size_t e = 0; e < n; ++e) way[e] -= round * lattice.twist[d][e];
        way[d] += round * lattice.sizes[d];
        ways.push_back(std::move(way));
      }
  }
  // Straight dimensions: the shorter way round, both where they are equally long.
  for (std::size_t d = 0; d < n; ++d) {
    if (lattice.twisted(d)) continue;
    for (std::size_t w = ways.size(); w-- > 0;) {
      const int up = wrapped(ways[w][d], lattice.sizes[d]), down = up - lattice.sizes[d];
      ways[w][d] = up <= -down ? up : down;
      if (up == -down && !lattice.doubled(d)) {
        ways.push_back(ways[w]);
        ways.back()[d] = down;
      }
    }
  }
  int least = length(ways.front());
  for (const auto& way : ways) least = std::min(least, length(way));
  std::erase_if(ways, [&](const std::vector<int>& way) { return length(way) > least; });
  std::sort(ways.begin(), ways.end());
  ways.erase(std::unique(ways.begin(), ways.end()), ways.end());
  return ways;
}

LatticePaths::LatticePaths(Lattice lattice, bool ideal, std::uint64_t seed)
    : lattice_(std::move(lattice)), ideal_(ideal), seed_(seed) {
  link_of_.assign(static_cast<std::size_t>(lattice_.vertices()) * lattice_.sizes.size() * 2, 0);
}

int LatticePaths::walk(int v, std::size_t d, int steps, double share, std::vector<Hop>& hops) const {
  const int direction = steps > 0 ? +1 : -1;
  for (int s = 0; s < std::abs(steps); ++s) {
    hops.push_back({LinkId(std::size_t{link_of_[slot(v, d, direction)]}), share});
    v = lattice_.neighbour(v, d, direction);
  }
  return v;
}

int LatticePaths::route_twisted(int from, int to, std::uint64_t key, std::vector<Hop>& hops) const {
  std::vector<std::vector<int>> ways = shortest_ways(lattice_, from, to);
  if (!ideal_) {
    const auto picked = choose_path(static_cast<std::uint64_t>(from), static_cast<std::uint64_t>(to), key, seed_, 0,
                                    static_cast<std::uint32_t>(ways.size()));
    ways = {ways[picked]};
  }
  for (const std::vector<int>& way : ways) {
    int v = from;
    for (std::size_t d = 0; d < way.size(); ++d) v = walk(v, d, way[d], 1.0 / static_cast<double>(ways.size()), hops);
  }
  return length(ways.front());
}

int LatticePaths::route(int from, int to, std::uint64_t key, std::vector<Hop>& hops) const {
  if (!lattice_.twist.empty()) return route_twisted(from, to, key, hops);
  int total = 0;
  for (std::size_t d = 0; d < lattice_.sizes.size(); ++d) {
    const int size = lattice_.sizes[d], a = lattice_.coordinate(from, d), b = lattice_.coordinate(to, d);
    if (a == b) continue;
    int steps = b - a;
    if (lattice_.wraps) {
      const int up = wrapped(steps, size), down = size - up;
      const bool tie = up == down && size > 2;
      if (tie && ideal_) {
        walk(from, d, up, 0.5, hops);
        walk(from, d, -down, 0.5, hops);
        total += up;
        from = lattice_.moved(from, d, b);
        continue;
      }
      const auto end = [](int v) { return static_cast<std::uint64_t>(v); };
      const bool forward = tie ? choose_path(end(from), end(to), key, seed_, d, 2) == 0 : up <= down;
      steps = forward ? up : -down;
    }
    from = walk(from, d, steps, 1, hops);
    total += std::abs(steps);
  }
  return total;
}

}  // namespace orrery
