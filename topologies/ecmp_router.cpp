#include "topologies/ecmp_router.hpp"

#include <algorithm>
#include <map>

#include "sim/error.hpp"
#include "topologies/wiring.hpp"

namespace orrery {

namespace {

constexpr std::size_t most_distance_bytes = 64u << 20;

// Links grouped by the vertex at one of their ends; failed ones left out.
template <class End>
void group_links(std::span<const Link> links, std::size_t vertices, End end, std::vector<std::uint32_t>& begin,
                 std::vector<std::uint32_t>& grouped) {
  const auto works = [&](std::size_t l) { return links[l].bandwidth.value > 0; };
  begin.assign(vertices + 1, 0);
  for (std::size_t l = 0; l < links.size(); ++l)
    if (works(l)) ++begin[end(links[l]).index() + 1];
  for (std::size_t v = 0; v < vertices; ++v) begin[v + 1] += begin[v];
  grouped.resize(begin.back());
  std::vector<std::uint32_t> at(begin.begin(), begin.end() - 1);
  for (std::size_t l = 0; l < links.size(); ++l)
    if (works(l)) grouped[at[end(links[l]).index()]++] = static_cast<std::uint32_t>(l);
}

}  // namespace

EcmpRouter::EcmpRouter(const Fabric& fabric, EcmpSettings settings)
    : settings_(settings), links_(fabric.links().begin(), fabric.links().end()) {
  const std::size_t vertices = fabric.vertices().size();
  group_links(
      links_, vertices, [](const Link& l) { return l.from; }, out_begin_, out_links_);
  group_links(
      links_, vertices, [](const Link& l) { return l.to; }, in_begin_, in_links_);
  if (!settings.foreign_nodes_relay)
    for (const Vertex& v : fabric.vertices()) {
      node_of_.push_back(v.node);
      relays_.push_back(v.kind != VertexKind::host && v.kind != VertexKind::memory);
    }
  most_kept_ = std::max<std::size_t>(
      4, most_distance_bytes / (sizeof(std::uint16_t) * std::max<std::size_t>(1, vertices)));
}

// Into a node only if it is the target's, and through nothing that does not relay.
bool EcmpRouter::may_leave_towards(std::uint32_t from, std::uint32_t next, VertexId to) const {
  if (node_of_.empty() || next == to.value) return true;
  const std::uint32_t node = node_of_[next];
  return relays_[next] && (node == ~0u || node == node_of_[from] || node == node_of_[to.index()]);
}

EcmpRouter::Distances EcmpRouter::search(VertexId target) const {
  Distances distance(out_begin_.size() - 1, unreached);
  std::vector<std::uint32_t> open{target.value};
  distance[target.index()] = 0;
  for (std::size_t next = 0; next < open.size(); ++next) {
    const std::uint32_t v = open[next];
    for (std::uint32_t i = in_begin_[v]; i < in_begin_[v + 1]; ++i) {
      const std::uint32_t before = links_[in_links_[i]].from.value;
      if (distance[before] != unreached || !may_leave_towards(before, v, target)) continue;
      distance[before] = static_cast<std::uint16_t>(std::min<int>(distance[v] + 1, unreached - 1));
      open.push_back(before);
    }
  }
  return distance;
}

std::shared_ptr<const EcmpRouter::Distances> EcmpRouter::distances_to(VertexId target) const {
  const std::scoped_lock lock(mutex_);
  if (const auto known = known_.find(target.value); known != known_.end()) return known->second;
  if (order_.size() >= most_kept_) {
    known_.erase(order_.front());
    order_.pop_front();
  }
  auto found = std::make_shared<const Distances>(search(target));
  known_.emplace(target.value, found);
  order_.push_back(target.value);
  return found;
}

std::vector<std::uint32_t> EcmpRouter::next_links(std::uint32_t vertex, VertexId to, const Distances& distance) const {
  std::vector<std::uint32_t> next;
  for (std::uint32_t i = out_begin_[vertex]; i < out_begin_[vertex + 1]; ++i)
    if (const std::uint32_t there = links_[out_links_[i]].to.value;
        distance[there] + 1 == distance[vertex] && may_leave_towards(vertex, there, to))
      next.push_back(out_links_[i]);
  return next;
}

bool EcmpRouter::reaches(VertexId from, VertexId to) const { return (*distances_to(to))[from.index()] != unreached; }

Seconds EcmpRouter::spread(VertexId from, VertexId to, const Distances& distance, std::vector<Hop>& hops) const {
  struct Arrived {
    double share = 0;
    Seconds latency{0};
  };
  std::map<std::uint32_t, Arrived> level{{from.value, {1, Seconds(0)}}};  // vertices equally far from the target
  while (!level.contains(to.value)) {
    std::map<std::uint32_t, Arrived> nearer;
    for (const auto& [vertex, arrived] : level) {
      const std::vector<std::uint32_t> next = next_links(vertex, to, distance);
      double width = 0;
      for (std::uint32_t l : next) width += links_[l].bandwidth.value;
      for (std::uint32_t l : next) {
        const double share = next.size() == 1 ? arrived.share : arrived.share * links_[l].bandwidth.value / width;
        hops.push_back({LinkId(l), share});
        Arrived& there = nearer[links_[l].to.value];
        there.share += share;
        there.latency = std::max(there.latency, arrived.latency + links_[l].latency);
      }
    }
    level = std::move(nearer);
  }
  return level[to.value].latency;
}

Seconds EcmpRouter::hash(VertexId from, VertexId to, std::uint64_t key, const Distances& distance,
                         std::vector<Hop>& hops) const {
  Seconds latency{0};
  for (std::uint32_t at = from.value; at != to.value;) {
    const std::vector<std::uint32_t> next = next_links(at, to, distance);
    const std::uint32_t link = next[choose_path(from.value, to.value, key, settings_.seed, distance[at],
                                                static_cast<std::uint32_t>(next.size()))];
    hops.push_back({LinkId(link), 1});
    latency += links_[link].latency;
    at = links_[link].to.value;
  }
  return latency;
}

Seconds EcmpRouter::route(VertexId from, VertexId to, std::uint64_t key, std::vector<Hop>& hops) const {
  if (from == to) return Seconds(0);
  const auto distance = distances_to(to);
  ORRERY_CHECK((*distance)[from.index()] != unreached, "no path from vertex {} to vertex {}", from.value, to.value);
  return settings_.ideal ? spread(from, to, *distance, hops) : hash(from, to, key, *distance, hops);
}

}  // namespace orrery
