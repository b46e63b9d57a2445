// Graph questions about a Fabric. The one place that includes Boost.Graph.
#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>

#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/compressed_sparse_row_graph.hpp>

#include "sim/error.hpp"
#include "sim/fabric.hpp"

namespace orrery {
namespace {

struct EdgeLink {
  std::uint32_t link = 0;
};
using Graph = boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, EdgeLink, boost::no_property,
                                                 std::uint32_t, std::uint32_t>;

// Links in ascending order leave each vertex in ascending order, so that a breadth-first search meets the lowest link
// ids first.
enum class Direction : std::uint8_t { along_links, against_links };

Graph graph_of(const Fabric& fabric, Direction direction) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
  std::vector<EdgeLink> properties;
  const auto links = fabric.links();
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (!(links[i].bandwidth.value > 0)) continue;
    auto from = links[i].from.value, to = links[i].to.value;
    if (direction == Direction::against_links) std::swap(from, to);
    edges.emplace_back(from, to);
    properties.push_back({static_cast<std::uint32_t>(i)});
  }
  return Graph(boost::edges_are_unsorted_multi_pass, edges.begin(), edges.end(), properties.begin(),
               static_cast<std::uint32_t>(fabric.vertices().size()));
}

constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

// The link by which a breadth-first search from `source` first reached each vertex.
std::vector<std::uint32_t> first_links(const Graph& graph, std::uint32_t source) {
  std::vector<std::uint32_t> reached_by(boost::num_vertices(graph), none);
  struct Visitor : boost::default_bfs_visitor {
    std::vector<std::uint32_t>* reached_by;
    void tree_edge(const Graph::edge_descriptor& edge, const Graph& g) {
      (*reached_by)[boost::target(edge, g)] = g[edge].link;
    }
  } visitor;
  visitor.reached_by = &reached_by;
  boost::breadth_first_search(graph, source, boost::visitor(visitor));
  return reached_by;
}

void require_path(bool found, VertexId from, VertexId to) {
  ORRERY_CHECK(found, "no path from vertex {} to vertex {}", from.value, to.value);
}

std::vector<LinkId> walk_back(std::span<const Link> links, const std::vector<std::uint32_t>& reached_by, VertexId from,
                              VertexId to) {
  std::vector<LinkId> path;
  for (VertexId at = to; at != from;) {
    const std::uint32_t link = reached_by[at.index()];
    require_path(link != none, from, to);
    path.push_back(LinkId(link));
    at = links[link].from;
  }
  return {path.rbegin(), path.rend()};
}

// Keeps a copy of the links, so that a Cluster can be moved.
class ShortestPathRouter : public Router {
 public:
  explicit ShortestPathRouter(const Fabric& fabric)
      : links_(fabric.links().begin(), fabric.links().end()),
        graph_(graph_of(fabric, Direction::along_links)),
        reached_by_(fabric.vertices().size()) {}

  Seconds route(VertexId from, VertexId to, std::uint64_t, std::vector<Hop>& hops) const override {
    Seconds latency{0};
    for (LinkId link : walk_back(links_, from_source(from), from, to)) {
      hops.push_back({link, 1});
      latency += links_[link.index()].latency;
    }
    return latency;
  }

 private:
  const std::vector<std::uint32_t>& from_source(VertexId from) const {
    const std::scoped_lock lock(mutex_);
    auto& known = reached_by_[from.index()];
    if (known.empty()) known = first_links(graph_, from.value);
    return known;
  }
  std::vector<Link> links_;
  Graph graph_;
  mutable std::mutex mutex_;
  mutable std::vector<std::vector<std::uint32_t>> reached_by_;  // by source, filled when first asked for
};

}  // namespace

// Every pair can talk both ways: vertex 0 reaches all, and all reach vertex 0.
bool Fabric::connected() const {
  if (vertices_.size() < 2) return true;
  for (Direction direction : {Direction::along_links, Direction::against_links}) {
    const auto reached_by = first_links(graph_of(*this, direction), 0);
    if (std::find(reached_by.begin() + 1, reached_by.end(), none) != reached_by.end()) return false;
  }
  return true;
}

std::vector<LinkId> Fabric::shortest_path(VertexId from, VertexId to) const {
  return walk_back(links_, first_links(graph_of(*this, Direction::along_links), from.value), from, to);
}

std::unique_ptr<Router> make_shortest_path_router(const Fabric& fabric) {
  return std::make_unique<ShortestPathRouter>(fabric);
}

}  // namespace orrery
