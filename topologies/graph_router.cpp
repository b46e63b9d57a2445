#include "topologies/graph_router.hpp"

#include <algorithm>
#include <queue>

#include "sim/error.hpp"
#include "topologies/ecmp_router.hpp"

namespace orrery {

namespace {

class GraphRouter final : public LocalRouter {
 public:
  GraphRouter(const Fabric& node, EcmpSettings settings) : paths_(node, settings) {}
  Seconds route(int from, int to, std::uint64_t key, std::vector<Hop>& hops) const override {
    return paths_.route(VertexId(static_cast<std::size_t>(from)), VertexId(static_cast<std::size_t>(to)), key, hops);
  }

 private:
  EcmpRouter paths_;
};

}  // namespace

bool graph_connects(const NodeWiring& wiring) {
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

std::unique_ptr<LocalRouter> make_graph_router(const NodeWiring& wiring, bool ideal, std::uint64_t seed) {
  const int vertices = wiring.devices + wiring.switches;
  ORRERY_CHECK(vertices <= most_graph_vertices, "{} vertices are too many for a node's graph", vertices);
  Fabric node;  // its vertices and links have the local numbers
  for (int v = 0; v < vertices; ++v) node.add_vertex({VertexKind::network_switch, 0, {}});
  const LinkClassId any = node.add_link_class({"any", {}, {}});
  for (const LocalLink& link : wiring.links)
    node.add_link({VertexId(static_cast<std::size_t>(link.from)), VertexId(static_cast<std::size_t>(link.to)),
                   link.bandwidth, link.latency, any});
  return std::make_unique<GraphRouter>(node, EcmpSettings{ideal, seed});
}

}  // namespace orrery
