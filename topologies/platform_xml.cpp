#include "topologies/platform_xml.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <deque>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "sim/catalog.hpp"
#include "sim/error.hpp"
#include "topologies/platform_reader.hpp"

namespace orrery {

Platform::Platform(const std::string& file) : file_(file) { PlatformReader(*this).read(); }

std::vector<std::size_t> Platform::zones_of(std::size_t point) const {
  std::vector<std::size_t> zones;
  for (; point != none; point = zones_[zones.back()].as_point) zones.push_back(points_[point].zone);
  return zones;
}

// The member of a zone (a point in it, or a zone in it) that holds the point.
std::size_t Platform::member_in(std::size_t point, std::size_t zone) const {
  while (points_[point].zone != zone) point = zones_[points_[point].zone].as_point;
  return point;
}

std::vector<LinkStep> Platform::route(std::size_t from, std::size_t to) const {
  std::vector<LinkStep> steps;
  append_route(host_points_[from], host_points_[to], steps);
  return steps;
}

void Platform::append_route(std::size_t from, std::size_t to, std::vector<LinkStep>& steps) const {
  if (from == to) return;
  const std::vector<std::size_t> from_zones = zones_of(from), to_zones = zones_of(to);
  const auto common = std::find_if(from_zones.begin(), from_zones.end(), [&](std::size_t zone) {
    return std::find(to_zones.begin(), to_zones.end(), zone) != to_zones.end();
  });
  append_in_zone(zones_[*common], from, to, member_in(from, *common), member_in(to, *common), steps);
}

// From `from`, which lies in member a of the zone, to `to` in member b.
void Platform::append_in_zone(const Zone& zone, std::size_t from, std::size_t to, std::size_t a, std::size_t b,
                              std::vector<LinkStep>& steps) const {
  if (zone.flat_cluster) {
    if (const auto up = zone.private_link.find(a); up != zone.private_link.end()) steps.push_back(up->second.first);
    steps.insert(steps.end(), zone.backbone.begin(), zone.backbone.end());
    if (const auto down = zone.private_link.find(b); down != zone.private_link.end())
      steps.push_back(down->second.second);
    return;
  }
  if (!zone.torus.empty()) return append_on_torus(zone, a, b, steps);
  std::size_t at = from;
  for (const Edge* edge : edges_between(zone, a, b)) {
    append_route(at, edge->gateway_from, steps);
    steps.insert(steps.end(), edge->links.begin(), edge->links.end());
    at = edge->gateway_to;
  }
  append_route(at, to, steps);
}

// Dimension by dimension, the shorter way round, upwards where both are equally long.
void Platform::append_on_torus(const Zone& zone, std::size_t a, std::size_t b, std::vector<LinkStep>& steps) const {
  const std::size_t dimensions = zone.torus.size(), hosts = zone.torus_links.size() / dimensions;
  for (std::size_t end : {a, b})
    if (end < zone.first_host || end >= zone.first_host + hosts)
      throw SpecError(file_, "", "routes of a torus cluster between its hosts", quote(points_[end].name));
  std::size_t at = a - zone.first_host, stride = 1;
  for (std::size_t d = 0; d < dimensions; stride *= zone.torus[d++]) {
    const std::size_t size = zone.torus[d], to = (b - zone.first_host) / stride % size;
    for (std::size_t here = at / stride % size; here != to; here = at / stride % size) {
      const bool up = 2 * ((to + size - here) % size) <= size;
      const std::size_t next = at - here * stride + (up ? (here + 1) % size : (here + size - 1) % size) * stride;
      steps.push_back({zone.torus_links[(up ? at : next) * dimensions + d], !up});
      at = next;
    }
  }
}

// One edge, or in a zone with searched routes the chain of edges with the fewest links (Dijkstra).
std::vector<const Platform::Edge*> Platform::edges_between(const Zone& zone, std::size_t a, std::size_t b) const {
  const auto lacking = [&]() {
    return SpecError(file_, "", fmt::format("a route from {} to {}", quote(points_[a].name), quote(points_[b].name)),
                     "none");
  };
  if (const auto direct = zone.edges.find({a, b}); direct != zone.edges.end() && !zone.searched)
    return {&direct->second};
  if (!zone.searched) throw lacking();
  std::map<std::size_t, std::pair<std::size_t, const Edge*>> best{{a, {0, nullptr}}};  // links so far, last edge
  std::map<std::size_t, std::size_t> before;
  std::map<std::pair<std::size_t, std::size_t>, bool> open{{{0, a}, true}};
  while (!open.empty()) {
    const auto [links, at] = open.begin()->first;
    open.erase(open.begin());
    if (at == b) break;
    for (auto edge = zone.edges.lower_bound({at, 0}); edge != zone.edges.end() && edge->first.first == at; ++edge) {
      const std::size_t next = edge->first.second, sum = links + edge->second.links.size();
      const auto known = best.find(next);
      if (known != best.end() && known->second.first <= sum) continue;
      if (known != best.end()) open.erase({known->second.first, next});
      best[next] = {sum, &edge->second};
      before[next] = at;
      open[{sum, next}] = true;
    }
  }
  if (!best.contains(b)) throw lacking();
  std::vector<const Edge*> chain;
  for (std::size_t at = b; at != a; at = before.at(at)) chain.push_back(best.at(at).second);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

}  // namespace orrery
