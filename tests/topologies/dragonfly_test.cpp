// Dragonfly and dragonfly+ against counts and loads by hand: 9 groups of 8 NICs, one cable between every two groups.
#include <map>

#include <catch2/catch.hpp>

#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"
#include "topologies/fabric/families.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

constexpr std::size_t group = 8, devices = 72;

Cluster nine_groups(const char* kind, const char* routing, const char* ecmp = "ideal") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 18, kind);
  spec.fabric.radix = 8;
  spec.fabric.ecmp = ecmp;
  spec.fabric.options = {
      {"routers_per_group", 4}, {"terminals_per_router", 2}, {"global_per_router", 2}, {"routing", routing}};
  return build_cluster(spec);
}

// Flows on the most loaded link when every device sends to the one `shift` places on.
double busiest(const Cluster& cluster, std::size_t shift, std::size_t senders = devices) {
  std::vector<Flow> flows;
  for (std::size_t d = 0; d < senders; ++d)
    flows.push_back(
        {cluster.fabric.vertex_of(DeviceId(d)), cluster.fabric.vertex_of(DeviceId((d + shift) % devices)), 1, 0, 1});
  return route_pattern(cluster.fabric, *cluster.router, flows).bottleneck * 25e9;
}

}  // namespace

TEST_CASE("dragonflies have the cables that their sizes say") {
  const std::size_t hosts = 2 * devices, global = 36;  // host links and NICs' cables; one between every two groups
  CHECK(nine_groups("dragonfly", "minimal").fabric.links().size() == 2 * (devices + hosts + global + 9 * 6));
  CHECK(nine_groups("dragonfly+", "minimal").fabric.links().size() == 2 * (devices + hosts + global + 9 * 16));
}

TEST_CASE("global ports that are too few for a cable more to every group idle evenly, on every router") {
  // 8 other groups, a cable to each: 2 of the 3 ports of every router (or spine), as with 2 ports each.
  for (const char* kind : {"dragonfly", "dragonfly+"}) {
    INFO(kind);
    ClusterSpec spec = nodes_of(switch_node(4, 4), 18, kind);
    spec.fabric.radix = 10;
    spec.fabric.options = {{"routers_per_group", 4}, {"terminals_per_router", 2}, {"global_per_router", 3}};
    const Cluster cluster = build_cluster(spec), exact = nine_groups(kind, "minimal");
    REQUIRE(cluster.fabric.links().size() == exact.fabric.links().size());
    for (std::size_t l = 0; l < exact.fabric.links().size(); ++l) {
      const Link &here = cluster.fabric.links()[l], &there = exact.fabric.links()[l];
      CHECK((here.from == there.from && here.to == there.to));
    }
    CHECK(busiest(cluster, 4) == Approx(busiest(exact, 4)));
    const GlobalPorts ports = global_ports(spec.fabric, 18, 4);
    CHECK(ports.groups == 9);
    CHECK(ports.of_group == 12);
    CHECK(ports.idle == 4);
    spec.fabric.options["global_per_router"] = 4;  // two cables to each
    CHECK(global_ports(spec.fabric, 18, 4).idle == 0);
  }
}

TEST_CASE("all cables of a NIC go to one router, which takes no more than its terminals") {
  // Devices of two NICs each, three terminals: one device on a router, a node of four in a group.
  for (const char* kind : {"dragonfly", "dragonfly+"}) {
    INFO(kind);
    ClusterSpec spec = nodes_of(switch_node(4, 8), 3, kind);
    spec.fabric.radix = 8;
    spec.fabric.options = {{"routers_per_group", 4}, {"terminals_per_router", 3}, {"global_per_router", 2}};
    const Cluster cluster = build_cluster(spec);
    std::map<VertexId, double> taken;
    for (const Link& link : cluster.fabric.links())
      if (cluster.fabric.vertex(link.from).kind == VertexKind::nic && cluster.fabric.vertex(link.to).node == ~0u)
        taken[link.to] += link.cables;
    CHECK(taken.size() == 12);
    for (const auto& [router, cables] : taken) CHECK(cables == 2);
    CHECK(global_ports(spec.fabric, 3, 4, 2).groups == 3);
    spec.fabric.options["terminals_per_router"] = 1;
    CHECK(fault_of(spec).pointer == "/fabric/options/terminals_per_router");
  }
}

TEST_CASE("a dragonfly of more groups than its global ports reach names the option that says how many they are") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 18, "dragonfly");
  spec.fabric.radix = 8;
  spec.fabric.options = {{"routers_per_group", 4}, {"terminals_per_router", 2}, {"global_per_router", 1}};
  CHECK(fault_of(spec).pointer == "/fabric/options/global_per_router");
  spec.fabric.options = {{"routers_per_group", 2}, {"terminals_per_router", 4}};
  spec.fabric.radix = 7;
  CHECK(fault_of(spec).pointer == "/fabric/radix");  // what the number follows from
}

TEST_CASE("minimal routing sends a group's whole traffic to the next group over their one cable") {
  CHECK(busiest(nine_groups("dragonfly", "minimal"), group) == Approx(8));
  CHECK(busiest(nine_groups("dragonfly+", "minimal"), group) == Approx(8));
}

TEST_CASE("Valiant routing spreads that traffic over the seven other groups, twice through each") {
  // Every global cable carries 1/7 of a group's 8 flows on their first leg and 1/7 of another's on their second.
  CHECK(busiest(nine_groups("dragonfly", "valiant"), group) == Approx(2 * 8.0 / 7).epsilon(0.35));
  CHECK(busiest(nine_groups("dragonfly+", "valiant"), group) == Approx(2 * 8.0 / 7));
  CHECK(busiest(nine_groups("dragonfly+", "valiant"), group, group) == Approx(8.0 / 7));
}

TEST_CASE("UGAL detours where minimal paths are crowded and stays minimal where they are not") {
  for (const char* kind : {"dragonfly", "dragonfly+"}) {
    INFO(kind);
    CHECK(busiest(nine_groups(kind, "ugal"), group) < 4);
    CHECK(busiest(nine_groups(kind, "ugal"), 4) <= busiest(nine_groups(kind, "valiant"), 4) + 1);
    const Cluster cluster = nine_groups(kind, "ugal"), minimal = nine_groups(kind, "minimal");
    const Flow one{cluster.fabric.vertex_of(DeviceId(std::size_t{0})),
                   cluster.fabric.vertex_of(DeviceId(std::size_t{50})), 1, 0, 1};
    CHECK(route_pattern(cluster.fabric, *cluster.router, {&one, 1}).latency.value ==
          Approx(route_pattern(minimal.fabric, *minimal.router, {&one, 1}).latency.value));
  }
}

TEST_CASE("adaptive routes conserve their traffic at every vertex and repeat to the last bit") {
  const Cluster cluster = nine_groups("dragonfly+", "ugal", "hash");
  std::vector<Flow> flows;
  for (std::size_t d = 0; d < devices; ++d)
    flows.push_back(
        {cluster.fabric.vertex_of(DeviceId(d)), cluster.fabric.vertex_of(DeviceId((d + group) % devices)), 1, 0, 1});
  const RoutedPattern first = route_pattern(cluster.fabric, *cluster.router, flows);
  const RoutedPattern again = route_pattern(cluster.fabric, *cluster.router, flows);
  REQUIRE(first.loads.size() == again.loads.size());
  std::map<VertexId, double> balance;
  for (std::size_t i = 0; i < first.loads.size(); ++i) {
    CHECK(first.loads[i].weight == again.loads[i].weight);
    balance[cluster.fabric.link(first.loads[i].link).from] -= first.loads[i].weight;
    balance[cluster.fabric.link(first.loads[i].link).to] += first.loads[i].weight;
  }
  for (const auto& [vertex, sum] : balance) CHECK(sum == Approx(0).margin(1e-9));  // everybody sends one and gets one
}

TEST_CASE("with PXN a message to another rail meets only that rail's leaf switch") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 6, "fat-tree");
  spec.fabric.radix = 12;
  spec.fabric.rail_optimized = true;
  const auto hops = [](const Cluster& cluster, std::size_t a, std::size_t b) {
    std::vector<Hop> all;
    cluster.router->route(cluster.fabric.vertex_of(DeviceId(a)), cluster.fabric.vertex_of(DeviceId(b)), 0, all);
    return all.size();
  };
  const Cluster usual = build_cluster(spec);
  spec.fabric.options = parse_json(R"({"pxn": true})", "test");
  const Cluster relayed = build_cluster(spec);
  CHECK(hops(usual, 1, 6) == 6);    // leaf, spine, leaf
  CHECK(hops(relayed, 1, 6) == 6);  // NVLink twice, then one leaf
  CHECK(hops(relayed, 1, 5) == hops(usual, 1, 5));
  std::vector<Flow> crossing;  // every device of node 0 to another rail of node 1
  for (std::size_t d = 0; d < 4; ++d)
    crossing.push_back(
        {usual.fabric.vertex_of(DeviceId(d)), usual.fabric.vertex_of(DeviceId(4 + (d + 1) % 4)), 1, 0, 1});
  const auto crosses_spine = [&](const Cluster& cluster) {
    for (const LinkLoad& load : route_pattern(cluster.fabric, *cluster.router, crossing).loads) {
      const Link& link = cluster.fabric.link(load.link);
      if (cluster.fabric.vertex(link.from).node == ~0u && cluster.fabric.vertex(link.to).node == ~0u) return true;
    }
    return false;
  };
  CHECK(crosses_spine(usual));
  CHECK_FALSE(crosses_spine(relayed));
}

TEST_CASE("hashing takes one of several cables between two routers of dragonfly groups") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 4, "dragonfly");  // two groups, all 8 global cables between them
  spec.fabric.radix = 8;
  spec.fabric.options = {{"routers_per_group", 4}, {"terminals_per_router", 2}, {"global_per_router", 2}};
  const auto widest = [](const Cluster& cluster) {
    double most = 0;
    for (const Link& link : cluster.fabric.links())
      if (cluster.fabric.vertex(link.from).node == ~0u && cluster.fabric.vertex(link.to).node == ~0u)
        most = std::max(most, link.bandwidth.value);
    return most;
  };
  CHECK(widest(build_cluster(spec)) == 2 * 25e9);
  spec.fabric.ecmp = "hash";
  CHECK(widest(build_cluster(spec)) == 25e9);
}
