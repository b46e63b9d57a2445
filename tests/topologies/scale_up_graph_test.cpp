// Nodes given as graphs, and how a device's links are shared out among its neighbours.
#include <algorithm>

#include <catch2/catch.hpp>

#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

Cluster graph(int devices, const std::string& links, const char* ecmp = "ideal") {
  NodeModel node = node_of("custom", devices);
  node.scale_up.options = parse_json(R"({"links": )" + links + "}", "test");
  ClusterSpec spec = nodes_of(std::move(node), 1, "none");
  spec.fabric.ecmp = ecmp;
  return build_cluster(spec);
}

// The most loaded cable when every device sends a byte to every other.
double all_to_all(const Cluster& cluster) {
  std::vector<Flow> flows;
  for (std::size_t a = 0; a < cluster.fabric.device_count(); ++a)
    for (std::size_t b = 0; b < cluster.fabric.device_count(); ++b)
      if (a != b)
        flows.push_back({cluster.fabric.vertex_of(DeviceId(a)), cluster.fabric.vertex_of(DeviceId(b)), 1, 0, 1});
  return route_pattern(cluster.fabric, *cluster.router, flows).bottleneck * 100e9;
}

std::vector<std::size_t> way(const Cluster& cluster, std::size_t from, std::size_t to, std::uint64_t key) {
  std::vector<Hop> hops;
  cluster.router->route(cluster.fabric.vertex_of(DeviceId(from)), cluster.fabric.vertex_of(DeviceId(to)), key, hops);
  std::vector<std::size_t> links;
  for (const Hop& hop : hops) links.push_back(hop.link.index());
  return links;
}

constexpr const char* by_vertex =
    "[[0, 1], [0, 2], [0, 4], [1, 3], [1, 5], [2, 3], [2, 6], [3, 7], [4, 5], [4, 6], [5, 7], [6, 7]]";
constexpr const char* by_dimension =
    "[[7, 6], [4, 5], [2, 3], [0, 1], [0, 2], [1, 3], [4, 6], [5, 7], [4, 0], [1, 5], [2, 6], [3, 7]]";

}  // namespace

TEST_CASE(
    "inside a node given as a graph traffic spreads over equally short ways, in whatever order the cables stand") {
  // A cube: 8 x 7 messages of 12/7 hops on average over 24 links.
  for (const char* links : {by_vertex, by_dimension}) CHECK(all_to_all(graph(8, links)) == Approx(4));
  CHECK(all_to_all(build_cluster(nodes_of(node_of("hypercube", 8, {}, 3), 1, "none"))) == Approx(4));
  // A ring of 8: the opposite device is reached both ways round.
  CHECK(all_to_all(graph(8, "[[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 6], [6, 7], [7, 0]]")) == Approx(8));
}

TEST_CASE("ways of a node's graph share by the width of their next cables, however a pair's cables are written") {
  for (const char* links :
       {"[[0, 1, 3], [1, 3, 3], [0, 2], [2, 3]]", "[[3, 2], [0, 1], [0, 2], [1, 0, 2], [1, 3], [3, 1, 2]]"}) {
    const Cluster square = graph(4, links);
    CHECK(square.fabric.links().size() == 8);
    std::vector<Hop> hops;
    square.router->route(square.fabric.vertex_of(DeviceId(std::size_t{0})),
                         square.fabric.vertex_of(DeviceId(std::size_t{3})), 0, hops);
    REQUIRE(hops.size() == 4);
    for (const Hop& hop : hops)
      CHECK(hop.share == Approx(square.fabric.link(hop.link).bandwidth.value == 300e9 ? 0.75 : 0.25));
  }
}

TEST_CASE("hashing takes one way of a node's graph per flow, the same in whatever order the cables stand") {
  const Cluster one = graph(8, by_vertex, "hash"), other = graph(8, by_dimension, "hash");
  std::vector<std::vector<std::size_t>> taken;
  for (std::uint64_t key = 0; key < 64; ++key) {
    taken.push_back(way(one, 0, 7, key));
    CHECK(taken.back().size() == 3);
    CHECK(taken.back() == way(other, 0, 7, key));
  }
  std::sort(taken.begin(), taken.end());
  CHECK(std::unique(taken.begin(), taken.end()) - taken.begin() == 6);  // all orders of three dimensions
}

TEST_CASE("a device's links are shared out as whole cables, each at the rate of its port") {
  const auto rates = [](const char* kind, int devices, std::vector<int> dimensions, double links) {
    NodeModel node = node_of(kind, devices, std::move(dimensions));
    node.device.scale_up.emplace();
    node.device.scale_up->links = links;
    const Cluster cluster = build_cluster(nodes_of(node, 1, "none"));
    for (const Link& link : cluster.fabric.links()) CHECK(link.bandwidth.value == Approx(100e9 * link.cables));
    return cluster.fabric.links()[0].cables;
  };
  CHECK(rates("full-mesh", 8, {}, 18) == 2);  // 14 of 18
  CHECK(rates("hypercube", 16, {}, 18) == 4);
  CHECK(rates("ladder", 8, {}, 17) == 5);
  CHECK(rates("torus", 16, {4, 4}, 18) == 4);
  CHECK(rates("torus", 8, {2, 2, 2}, 17) == 5);
  CHECK(rates("mesh", 27, {3, 3, 3}, 18) == 3);
  NodeModel wide = node_of("full-mesh", 32);
  wide.device.scale_up.emplace();
  wide.device.scale_up->links = 18;
  const Fault fault = fault_of(nodes_of(wide, 1, "none"));
  CHECK(fault.pointer == "/pools/0/node/scale_up/kind");
  CHECK(fault.found == "18");
}

TEST_CASE("vertices of a node's graph are no larger than they may be, and every switch is joined") {
  const auto fault = [](const char* links) {
    NodeModel node = node_of("custom", 2);
    node.scale_up.options = parse_json(std::string(R"({"links": )") + links + "}", "test");
    return fault_of(nodes_of(std::move(node), 1, "none"));
  };
  CHECK(fault("[[0, 2], [1, 2]]").pointer == "built");
  for (const char* links : {"[[4294967296, 1]]", "[[0, 18446744073709551615]]", "[[0, -1]]", "[[0, 2048]]"})
    CHECK(fault(links).pointer == "/pools/0/node/scale_up/options/links/0");
  const Fault gap = fault("[[0, 3], [1, 3]]");
  CHECK(gap.pointer == "/pools/0/node/scale_up/options");
  CHECK(gap.found == "vertex 2, which none joins");
}
