#include "analysis/topology_facts_graph.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace orrery {

namespace {

// Ways to hosts and memory pools are no part of the network between devices.
bool in_network(const Fabric& fabric, const Link& link) {
  const auto part = [&](VertexId v) {
    const VertexKind kind = fabric.vertex(v).kind;
    return kind != VertexKind::host && kind != VertexKind::memory;
  };
  return part(link.from) && part(link.to);
}

void index_links(const Fabric& fabric, VertexId Link::*end, std::vector<std::uint32_t>& begin,
                 std::vector<std::uint32_t>& list) {
  const std::span<const Link> links = fabric.links();
  const std::size_t vertices = fabric.vertices().size();
  const auto works = [&](std::size_t l) { return links[l].bandwidth.value > 0 && in_network(fabric, links[l]); };
  begin.assign(vertices + 1, 0);
  for (std::size_t l = 0; l < links.size(); ++l)
    if (works(l)) ++begin[(links[l].*end).index() + 1];
  for (std::size_t v = 0; v < vertices; ++v) begin[v + 1] += begin[v];
  list.resize(begin.back());
  std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
  for (std::size_t l = 0; l < links.size(); ++l)
    if (works(l)) list[next[(links[l].*end).index()]++] = static_cast<std::uint32_t>(l);
}

// Residual network of a maximum flow: arc 2l runs along link l, arc 2l + 1 back.
class Dinic {
 public:
  Dinic(std::span<const Link> links, std::size_t vertices, std::span<const double> capacity)
      : links_(links), residual_(2 * links.size()), begin_(vertices + 1, 0) {
    for (std::size_t l = 0; l < links.size(); ++l) {
      residual_[2 * l] = capacity[l];
      tolerance_ = std::max(tolerance_, capacity[l] * 1e-12);
      ++begin_[links[l].from.index() + 1];
      ++begin_[links[l].to.index() + 1];
    }
    for (std::size_t v = 0; v < vertices; ++v) begin_[v + 1] += begin_[v];
    arcs_.resize(2 * links.size());
    std::vector<std::uint32_t> next(begin_.begin(), begin_.end() - 1);
    for (std::size_t l = 0; l < links.size(); ++l) {
      arcs_[next[links[l].from.index()]++] = static_cast<std::uint32_t>(2 * l);
      arcs_[next[links[l].to.index()]++] = static_cast<std::uint32_t>(2 * l + 1);
    }
  }

  double run(std::span<const VertexId> sources, std::span<const VertexId> sinks) {
    is_sink_.assign(begin_.size() - 1, false);
    for (VertexId v : sinks) is_sink_[v.index()] = true;
    double total = 0;
    while (layer(sources)) {
      next_.assign(begin_.begin(), begin_.end() - 1);
      for (VertexId source : sources)
        for (double pushed = 1; pushed > 0; total += pushed) pushed = push(source.value);
    }
    return total;
  }

 private:
  std::uint32_t head(std::uint32_t arc) const {
    const Link& link = links_[arc / 2];
    return (arc % 2 == 0 ? link.to : link.from).value;
  }
  bool open(std::uint32_t arc) const { return residual_[arc] > tolerance_; }

  bool layer(std::span<const VertexId> sources) {
    level_.assign(begin_.size() - 1, FabricGraph::unreached);
    queue_.clear();
    for (VertexId v : sources) {
      level_[v.index()] = 0;
      queue_.push_back(v.value);
    }
    bool reached = false;
    for (std::size_t i = 0; i < queue_.size(); ++i) {
      const std::uint32_t v = queue_[i];
      if (is_sink_[v]) {
        reached = true;
        continue;
      }
      for (std::uint32_t a = begin_[v]; a < begin_[v + 1]; ++a) {
        const std::uint32_t to = head(arcs_[a]);
        if (!open(arcs_[a]) || level_[to] != FabricGraph::unreached) continue;
        level_[to] = level_[v] + 1;
        queue_.push_back(to);
      }
    }
    return reached;
  }

  // One augmenting path from `source` along the layers; 0 when there is none left.
  double push(std::uint32_t source) {
    path_.clear();
    std::uint32_t v = source;
    while (!is_sink_[v]) {
      bool advanced = false;
      for (std::uint32_t& a = next_[v]; a < begin_[v + 1]; ++a) {
        const std::uint32_t to = head(arcs_[a]);
        if (!open(arcs_[a]) || level_[to] != level_[v] + 1) continue;
        path_.push_back(arcs_[a]);
        v = to;
        advanced = true;
        break;
      }
      if (advanced) continue;
      if (path_.empty()) return 0;
      v = head(path_.back() ^ 1u);  // a dead end: step back and never try this arc again
      path_.pop_back();
      ++next_[v];
    }
    double most = std::numeric_limits<double>::infinity();
    for (std::uint32_t arc : path_) most = std::min(most, residual_[arc]);
    for (std::uint32_t arc : path_) {
      residual_[arc] -= most;
      residual_[arc ^ 1u] += most;
    }
    return most;
  }

  std::span<const Link> links_;
  std::vector<double> residual_;
  std::vector<std::uint32_t> begin_, arcs_, next_, level_, queue_, path_;
  std::vector<bool> is_sink_;
  double tolerance_ = 0;
};

}  // namespace

FabricGraph::FabricGraph(const Fabric& fabric) : fabric_(fabric) {
  index_links(fabric, &Link::from, out_begin_, out_links_);
  index_links(fabric, &Link::to, in_begin_, in_links_);
  joints_ = std::any_of(fabric.links().begin(), fabric.links().end(), [](const Link& l) { return l.cables == 0; });
}

std::vector<std::uint32_t> FabricGraph::distances(std::span<const VertexId> sources) const {
  std::vector<std::uint32_t> distance(fabric_.vertices().size(), unreached), queue;
  queue.reserve(distance.size());
  for (VertexId v : sources) {
    if (distance[v.index()] == 0) continue;
    distance[v.index()] = 0;
    queue.push_back(v.value);
  }
  const auto links = fabric_.links();
  // Layer by layer: what joints lead to is as far as where they start, and is settled with its layer.
  std::vector<std::uint32_t> next;
  for (std::uint32_t hops = 0; !queue.empty(); ++hops, queue.swap(next), next.clear())
    for (std::size_t i = 0; i < queue.size(); ++i)
      for (std::uint32_t o = out_begin_[queue[i]]; o < out_begin_[queue[i] + 1]; ++o) {
        const Link& link = links[out_links_[o]];
        std::uint32_t& there = distance[link.to.index()];
        const bool joint = joints_ && link.cables == 0;
        if (joint ? there <= hops : there != unreached) continue;
        there = joint ? hops : hops + 1;
        (joint ? queue : next).push_back(link.to.value);
      }
  return distance;
}

// Recursive: platforms with joints are small, and their joints make no circles. Joints side by side are one way.
double FabricGraph::paths_over_joints(std::uint32_t to, std::uint32_t from, const std::vector<std::uint32_t>& distance,
                                      std::vector<double>& known) const {
  if (to == from) return 1;
  if (known[to] >= 0) return known[to];
  double sum = 0;
  std::set<std::uint32_t> joined;
  for (std::uint32_t i = in_begin_[to]; i < in_begin_[to + 1]; ++i) {
    const Link& link = fabric_.links()[in_links_[i]];
    const std::uint32_t before = link.from.value, step = link.cables == 0 ? 0 : 1;
    if (step == 0 && !joined.insert(before).second) continue;
    if (distance[before] != unreached && distance[before] + step == distance[to])
      sum += paths_over_joints(before, from, distance, known);
  }
  return known[to] = sum;
}

double FabricGraph::shortest_paths(VertexId from, VertexId to) const {
  const std::vector<std::uint32_t> distance = distances({&from, 1});
  if (distance[to.index()] == unreached) return 0;
  if (joints_) {
    std::vector<double> known(distance.size(), -1);
    return paths_over_joints(to.value, from.value, distance, known);
  }
  // Backwards from `to`, layer by layer, over the vertices that lie on a shortest path.
  std::vector<double> paths(distance.size(), 0);
  std::vector<bool> seen(distance.size(), false);
  paths[to.index()] = 1;
  std::vector<std::uint32_t> layer{to.value}, before;
  const auto links = fabric_.links();
  while (layer.front() != from.value) {
    before.clear();
    for (std::uint32_t v : layer)
      for (std::uint32_t i = in_begin_[v]; i < in_begin_[v + 1]; ++i) {
        const std::uint32_t u = links[in_links_[i]].from.value;
        if (distance[u] == unreached || distance[u] + 1 != distance[v]) continue;
        paths[u] += paths[v];
        if (!seen[u]) before.push_back(u);
        seen[u] = true;
      }
    layer.swap(before);
  }
  return paths[from.index()];
}

double FabricGraph::max_flow(std::span<const VertexId> sources, std::span<const VertexId> sinks,
                             std::span<const double> capacity) const {
  return Dinic(fabric_.links(), fabric_.vertices().size(), capacity).run(sources, sinks);
}

std::vector<double> FabricGraph::bandwidths() const {
  std::vector<double> all;
  all.reserve(fabric_.links().size());
  for (const Link& link : fabric_.links()) all.push_back(in_network(fabric_, link) ? link.bandwidth.value : 0);
  return all;
}

std::vector<double> FabricGraph::widths() const {
  std::vector<double> all;
  all.reserve(fabric_.links().size());
  for (const Link& link : fabric_.links())
    all.push_back(in_network(fabric_, link) && link.bandwidth.value > 0 ? link.cables : 0);
  return all;
}

bool FabricGraph::is_part(VertexId v) const {
  if (!joints_) return true;
  const auto real = [&](std::uint32_t l) { return fabric_.links()[l].cables > 0; };
  return std::any_of(out_links_.begin() + out_begin_[v.index()], out_links_.begin() + out_begin_[v.index() + 1],
                     real) &&
         std::any_of(in_links_.begin() + in_begin_[v.index()], in_links_.begin() + in_begin_[v.index() + 1], real);
}

}  // namespace orrery
