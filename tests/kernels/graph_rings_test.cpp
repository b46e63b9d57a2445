// Rings inside nodes that have no switch, and that a wiring costs the same under its family's name and as a plain graph.
#include "kernels/collectives/graph_rings.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/collective.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

using K = CollectiveKind;

CollectiveRequest request_of(K kind, std::size_t ranks, double bytes, std::string algorithm) {
  CollectiveRequest request;
  request.kind = kind;
  request.bytes = Bytes(bytes);
  request.algorithm = std::move(algorithm);
  for (std::size_t d = 0; d < ranks; ++d) request.members.emplace_back(d);
  return request;
}

Cluster nodes(const NodeModel& node, int count) {
  return build_cluster(nodes_of(node, count, count > 1 ? "single-switch" : "none"));
}

// The node's own cables as the options of a custom graph.
Cluster as_graph(const NodeModel& node, int count) {
  const Cluster cluster = build_cluster(nodes_of(node, 1, "none"));
  Json links = Json::array();
  for (const Link& link : cluster.fabric.links())
    if (link.from < link.to) links.push_back({link.from.value, link.to.value, link.bandwidth.value / 100e9});
  NodeModel custom = node_of("custom", node.devices);
  custom.nics = node.nics;
  custom.scale_up.options = {{"links", links}};
  return nodes(custom, count);
}

void check_equal(const NodeModel& node, K kind, const std::string& algorithm, int count = 1) {
  const Cluster family = nodes(node, count), graph = as_graph(node, count);
  const auto n = static_cast<std::size_t>(node.devices * count);
  const CollectiveAlgorithm& chosen = find(collective_catalog(), algorithm)->value;
  const auto supports = [&](const Cluster& cluster) {
    return chosen.supports(kind, make_group(cluster, request_of(kind, n, 1, algorithm).members));
  };
  if (!supports(family) || !supports(graph)) return;
  INFO(node.name << " of " << node.devices << " x " << count << ": " << algorithm << " "
                 << collective_names[static_cast<std::size_t>(kind)]);
  for (CollectiveDetail detail : {CollectiveDetail::flow, CollectiveDetail::step})
    for (double bytes : {1e3, 1e9}) {
      CollectiveRequest request = request_of(kind, n, bytes, algorithm);
      request.detail = detail;
      CHECK(time_alone(family, plan_collective(family, request)).value ==
            Approx(time_alone(graph, plan_collective(graph, request)).value).epsilon(1e-9));
    }
}

std::vector<K> all_kinds() {
  std::vector<K> kinds;
  for (std::size_t k = 1; k < collective_names.size(); ++k) kinds.push_back(static_cast<K>(k));
  return kinds;
}

}  // namespace

TEST_CASE("the rings of a complete graph are Hamiltonian and share no link, and there are as many as can be") {
  for (std::uint32_t n = 3; n <= 40; ++n) {
    const auto rings = rings_of_complete_graph(n);
    CHECK(rings.size() == (n - 1) / 2);
    std::set<std::pair<std::uint32_t, std::uint32_t>> links;
    for (const RankList& ring : rings) {
      CHECK(std::set<std::uint32_t>(ring.begin(), ring.end()).size() == n);
      REQUIRE(ring.size() == n);
      for (std::uint32_t i = 0; i < n; ++i) links.insert(std::minmax(ring[i], ring[(i + 1) % n]));
    }
    CHECK(links.size() == rings.size() * n);
  }
}

TEST_CASE("a family and the same graph as custom take the same time, whatever the collective") {
  const std::vector<NodeModel> nodes{node_of("full-mesh", 4, {}, 3),       node_of("full-mesh", 7, {}, 6),
                                     node_of("full-mesh", 8, {}, 7),       node_of("full-mesh", 12, {}, 11),
                                     node_of("hypercube", 8, {}, 3),       node_of("ladder", 8, {}, 3),
                                     node_of("hybrid-cube-mesh", 8, {}, 6)};
  for (const NodeModel& node : nodes)
    for (const auto& entry : collective_catalog())
      for (K kind : all_kinds()) check_equal(node, kind, std::string(entry.name));
}

// A hypercube and a torus route by dimension what goes several hops, so there rings alone.
TEST_CASE("so do several nodes of either") {
  for (const auto& [node, nics] : {std::pair{node_of("full-mesh", 8, {}, 7), 8},
                                   {node_of("full-mesh", 8, {}, 7), 4},
                                   {node_of("hybrid-cube-mesh", 8, {}, 6), 4}})
    for (const auto& entry : collective_catalog())
      for (K kind : all_kinds()) check_equal(with_nics(node, nics), kind, std::string(entry.name), 2);
  for (const auto& [node, nics] : {std::pair{node_of("torus", 16, {4, 4}, 4), 8},
                                   {node_of("hypercube", 8, {}, 3), 2},
                                   {node_of("ladder", 8, {}, 3), 2}})
    for (K kind : {K::all_reduce, K::all_gather, K::reduce_scatter, K::broadcast, K::reduce})
      check_equal(with_nics(node, nics), kind, "ring", 2);
}

TEST_CASE("so do rings, tori and meshes in chains, which go one hop at a time, and where all traffic is alike") {
  for (const NodeModel& node : {node_of("ring", 8, {}, 2), node_of("torus", 16, {4, 4}, 4),
                                node_of("torus", 24, {2, 3, 4}, 6), node_of("mesh", 12, {3, 4}, 4)}) {
    for (K kind : {K::broadcast, K::reduce}) check_equal(node, kind, "ring");
    if (node.scale_up.kind != "mesh") check_equal(node, K::all_to_all, "direct");
  }
  for (const auto& entry : collective_catalog())
    for (K kind : all_kinds())
      if (entry.name != "ring") check_equal(node_of("ring", 8, {}, 2), kind, std::string(entry.name));
}

TEST_CASE("a broadcast from one device of a torus or ring leaves both ways") {
  for (const NodeModel& node : {node_of("ring", 8, {}, 2), node_of("torus", 128, {4, 4, 8}, 6)}) {
    const Cluster cluster = build_cluster(nodes_of(node, 1, "none"));
    const auto n = static_cast<std::size_t>(node.devices);
    const CollectivePlan plan = plan_collective(cluster, request_of(K::broadcast, n, 1e9, "ring"));
    CHECK(time_alone(cluster, plan).value * plan.steps.at(0).efficiency < 1e9 / (1.5 * 100e9));
  }
}

TEST_CASE("rings leave out a cable that is thousands of times slower than the others") {
  ClusterSpec spec = nodes_of(node_of("full-mesh", 8, {}, 7), 1, "none");
  const Cluster whole = build_cluster(spec);
  const CollectiveRequest request = request_of(K::all_reduce, 8, 1e9, "ring");
  const double usual = time_alone(whole, plan_collective(whole, request)).value;
  DegradedSpec slow;
  slow.between = {"device 0", "device 1"};
  for (double rate : {1e-3, 1e-4, 1e-12}) {
    INFO(rate);
    slow.rate = rate;
    spec.degraded = {slow};
    const Cluster cluster = build_cluster(spec);
    const Group group = make_group(cluster, request.members);
    const DirectLinks links = direct_links(group, group.nodes[0].ranks);
    CHECK(links.between(0, 1) == 0);
    CHECK(links.between(1, 2) == 1);
    CHECK(disjoint_rings(links).size() == 3);
    CHECK(time_alone(cluster, plan_collective(cluster, request)).value == Approx(usual).epsilon(0.01));
  }
}

TEST_CASE("a search for rings over bundles of many cables comes to an end") {
  DirectLinks links;
  links.members = 8;
  links.unit = 1;
  for (std::uint32_t a = 0; a < 8; ++a)
    for (std::uint32_t b = 0; b < 8; ++b) links.cables.push_back(a == b ? 0 : a + b == 1 ? 1 : 61 - 7 * ((a + b) % 3));
  CHECK(disjoint_rings(links).size() >= 100);  // most devices have some 190 halves
}
