#include "topologies/table_router.hpp"

#include <algorithm>
#include <queue>

#include "sim/error.hpp"

namespace orrery {

namespace {

class TableRouter final : public LocalRouter {
 public:
  TableRouter(int vertices, std::vector<int> next, std::vector<int> to, std::vector<Seconds> latency)
      : vertices_(vertices), next_(std::move(next)), to_(std::move(to)), latency_(std::move(latency)) {}
  Seconds route(int from, int to, std::uint64_t, std::vector<Hop>& hops) const override {
    Seconds latency{0};
    while (from != to) {
      const int link =
          next_[static_cast<std::size_t>(from) * static_cast<std::size_t>(vertices_) + static_cast<std::size_t>(to)];
      ORRERY_CHECK(link >= 0, "no path inside the node from {} to {}", from, to);
      hops.push_back({LinkId(static_cast<std::size_t>(link)), 1});
      latency += latency_[static_cast<std::size_t>(link)];
      from = to_[static_cast<std::size_t>(link)];
    }
    return latency;
  }

 private:
  int vertices_;
  std::vector<int> next_, to_;
  std::vector<Seconds> latency_;
};

}  // namespace

bool table_connects(const NodeWiring& wiring) {
  std::vector<bool> seen(static_cast<std::size_t>(wiring.devices + wiring.switches), false);
  std::queue<int> open;
  open.push(0);
  seen[0] = true;
  while (!open.empty()) {
    const int v = open.front();
    open.pop();
    for (const LocalLink& link : wiring.links)
      if (link.from == v && !seen[static_cast<std::size_t>(link.to)]) {
        seen[static_cast<std::size_t>(link.to)] = true;
        open.push(link.to);
      }
  }
  return std::all_of(seen.begin(), seen.begin() + wiring.devices, [](bool s) { return s; });
}

std::unique_ptr<LocalRouter> make_table_router(const NodeWiring& wiring) {
  const int n = wiring.devices + wiring.switches;
  ORRERY_CHECK(n <= most_table_vertices, "{} vertices are too many for a table of paths", n);
  const auto count = static_cast<std::size_t>(n);
  std::vector<std::vector<int>> into(count);
  std::vector<int> to;
  std::vector<Seconds> latency;
  for (std::size_t l = 0; l < wiring.links.size(); ++l) {
    into[static_cast<std::size_t>(wiring.links[l].to)].push_back(static_cast<int>(l));
    to.push_back(wiring.links[l].to);
    latency.push_back(wiring.links[l].latency);
  }
  // From every target backwards: fewest hops, then the widest narrowest link, then the lowest link number.
  std::vector<int> next(count * count, -1);
  for (std::size_t target = 0; target < count; ++target) {
    std::vector<int> distance(count, -1);
    std::vector<double> width(count, 0);
    distance[target] = 0;
    width[target] = 1e300;
    std::vector<std::size_t> level{target};
    for (int d = 1; !level.empty(); ++d) {
      std::vector<std::size_t> further;
      for (std::size_t v : level)
        for (int l : into[v]) {
          const LocalLink& link = wiring.links[static_cast<std::size_t>(l)];
          const auto u = static_cast<std::size_t>(link.from);
          if (distance[u] >= 0 && distance[u] < d) continue;
          const double through = std::min(width[v], link.bandwidth.value);
          int& taken = next[u * count + target];
          if (distance[u] < 0)
            further.push_back(u);
          else if (through < width[u] || (through == width[u] && l > taken))
            continue;
          distance[u] = d;
          width[u] = through;
          taken = l;
        }
      std::sort(further.begin(), further.end());
      level = std::move(further);
    }
  }
  return std::make_unique<TableRouter>(n, std::move(next), std::move(to), std::move(latency));
}

}  // namespace orrery
