// Torus, mesh and twisted torus against their closed forms.
#include "topologies/lattice.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

ClusterSpec slice(std::vector<int> dimensions, bool twist) {
  int devices = 1;
  for (int size : dimensions) devices *= size;
  const int links = 2 * static_cast<int>(dimensions.size());
  NodeModel node = node_of("torus", devices, std::move(dimensions), links);
  if (twist) node.scale_up.options = parse_json(R"({"twist": true})", "test");
  return nodes_of(node, 1, "none");
}

// Longest route from device 0 (all devices of a torus see the same), and the time per byte of an all-to-all.
std::size_t diameter(const Cluster& cluster) {
  double most = 0;
  std::vector<Hop> hops;
  for (std::size_t d = 1; d < cluster.fabric.device_count(); ++d) {
    hops.clear();
    cluster.router->route(cluster.fabric.vertex_of(DeviceId(std::size_t{0})), cluster.fabric.vertex_of(DeviceId(d)), 0,
                          hops);
    double length = 0;
    for (const Hop& hop : hops) length += hop.share;
    most = std::max(most, length);
  }
  return static_cast<std::size_t>(std::lround(most));
}

double all_to_all_bottleneck(const Cluster& cluster) {
  std::vector<Flow> flows;
  const std::size_t n = cluster.fabric.device_count();
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b)
      if (a != b)
        flows.push_back({cluster.fabric.vertex_of(DeviceId(a)), cluster.fabric.vertex_of(DeviceId(b)), 1, 0, 1});
  return route_pattern(cluster.fabric, *cluster.router, flows).bottleneck;
}

ClusterSpec fabric(const char* kind, int nodes, const char* options) {
  ClusterSpec spec = nodes_of(switch_node(4, 4), nodes, kind);
  spec.fabric.options = parse_json(options, "test");
  return spec;
}

}  // namespace

TEST_CASE("a torus has half the sum of its sizes as diameter and one cable per device and dimension") {
  const Cluster cluster = build_cluster(slice({4, 6, 8}, false));
  CHECK(diameter(cluster) == 2 + 3 + 4);
  CHECK(cluster.fabric.links().size() == 2 * 3 * 4 * 6 * 8);
}

TEST_CASE("twisting a torus shortens its diameter as the lattice graphs of the literature say") {
  // Camarero et al. 2013, table: RTT(a) a, FCC(a) floor(3a/2), BCC(a) floor(3a/2).
  for (int a : {2, 3, 4, 6}) {
    INFO("a = " << a);
    const auto size = static_cast<std::size_t>(a);
    CHECK(diameter(build_cluster(slice({a, 2 * a}, true))) == size);
    CHECK(diameter(build_cluster(slice({2 * a, a, a}, true))) == 3 * size / 2);
    CHECK(diameter(build_cluster(slice({a, 2 * a, 2 * a}, true))) == 3 * size / 2);
    CHECK(diameter(build_cluster(slice({a, a, 2 * a}, false))) == 2 * (size / 2) + size);
  }
}

TEST_CASE("every route on a twisted torus is as short as breadth-first search finds it") {
  const Cluster cluster = build_cluster(slice({3, 6, 6}, true));
  const Fabric& fabric = cluster.fabric;
  std::vector<Hop> hops;
  for (std::size_t b = 1; b < fabric.device_count(); ++b) {
    hops.clear();
    const VertexId from = fabric.vertex_of(DeviceId(std::size_t{7})), to = fabric.vertex_of(DeviceId(b));
    const Seconds latency = cluster.router->route(from, to, 0, hops);
    CHECK(latency.value == Approx(static_cast<double>(fabric.shortest_path(from, to).size()) * 1e-6));
  }
}

TEST_CASE("twisting speeds up an all-to-all about as much as was measured on TPU v4") {
  // Jouppi et al., ISCA 2023, figure 6: 1.63 on 4x4x8, 1.31 on 4x8x8. Fluid, dimension order: the theory above the measured.
  const auto gain = [](std::vector<int> sizes) {
    return all_to_all_bottleneck(build_cluster(slice(sizes, false))) /
           all_to_all_bottleneck(build_cluster(slice(sizes, true)));
  };
  CAPTURE(gain({4, 4, 8}), gain({4, 8, 8}));
  CHECK(gain({4, 4, 8}) == Approx(1.63).epsilon(0.15));
  CHECK(gain({4, 8, 8}) == Approx(1.31).epsilon(0.15));
}

TEST_CASE("a torus of routers carries the nodes, each hop adding a cable's latency") {
  const Cluster cluster = build_cluster(
      fabric("torus", 16, R"({"dimensions": [4, 4], "terminals_per_router": 4, "cables_per_direction": 2})"));
  const Flow flow{cluster.fabric.vertex_of(DeviceId(std::size_t{0})),
                  cluster.fabric.vertex_of(DeviceId(std::size_t{40})), 1, 0, 1};  // node 10: router (2, 2)
  const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, {&flow, 1});
  CHECK(routed.latency.value == Approx((2 + 4) * 2e-6));
  CHECK(routed.loads.size() == 2 + 2 + 4 + 4);  // two ways in the first dimension, then two in the second
}

TEST_CASE("dimensions that cannot hold the nodes or be twisted are refused") {
  CHECK(fault_of(fabric("torus", 17, R"({"dimensions": [4, 4], "terminals_per_router": 4})")).pointer ==
        "/fabric/options/dimensions");
  CHECK(fault_of(fabric("torus", 9, R"({"dimensions": [3, 3], "terminals_per_router": 4, "twist": true})")).pointer ==
        "/fabric/options/twist");
  CHECK(fault_of(fabric("torus", 9, R"({"dimensions": [3, 3], "terminals": 4})")).pointer ==
        "/fabric/options/terminals");
  CHECK(fault_of(fabric("mesh", 9, R"({"dimensions": [3, 3], "terminals_per_router": 40})")).pointer ==
        "/fabric/radix");
  CHECK(fault_of(slice({4, 4, 4}, true)).pointer == "/pools/0/node/scale_up/options/twist");
}

TEST_CASE("cubes are joined by light: the faces' links and those round the torus take the switch's latency too") {
  ClusterSpec spec = nodes_of(node_of("torus", 4 * 8 * 8, {4, 8, 8}, 6), 1, "none");
  ScaleUpSpec& torus = spec.pools[0].node.scale_up;
  torus.optical_link = link("mirrors", 50e9, 1e-7);
  torus.optical_link->ports = 8;
  torus.options = parse_json(R"({"cube": [4, 4, 4]})", "test");
  const Cluster cluster = build_cluster(spec);
  std::size_t optical = 0;
  for (const Link& l : cluster.fabric.links()) optical += cluster.fabric.link_class(l.link_class).name != "fast";
  CHECK(optical == 2 * 4 * 48);  // each of 4 cubes has 96 ports, 48 cables
  const auto latency = [&](std::size_t a, std::size_t b) {
    std::vector<Hop> hops;
    return cluster.router->route(cluster.fabric.vertex_of(DeviceId(a)), cluster.fabric.vertex_of(DeviceId(b)), 0, hops)
        .value;
  };
  CHECK(latency(0, 3) == Approx(3e-6));
  CHECK(latency(0, 4) > 4e-6);  // both ways round are equally long; each meets light
  CHECK(latency(0, 4) < 4.3e-6);
  CHECK(latency(3, 4) == Approx(1.1e-6));
  CHECK(latency(0, 7) == Approx(1.1e-6));
  torus.options = parse_json(R"({"cube": [4, 4, 3]})", "test");
  CHECK_THROWS_WITH(build_cluster(spec), Catch::Contains("/pools/0/node/scale_up/options/cube"));
  torus.options = parse_json(R"({"cube": [4, 4, 4]})", "test");
  torus.optical_link->ports = 7;
  CHECK_THROWS_WITH(build_cluster(spec), Catch::Contains("3 cubes") && Catch::Contains("4 cubes"));
  torus.optical_link.reset();
  CHECK_THROWS_WITH(build_cluster(spec), Catch::Contains("/pools/0/node/scale_up/optical_link"));
}

TEST_CASE("hashing takes one of the cables between two routers, ideal spreading all") {
  ClusterSpec spec = fabric("torus", 4, R"({"dimensions": [4], "terminals_per_router": 4, "cables_per_direction": 3})");
  const auto time_of = [&](std::uint64_t key) {
    const Cluster cluster = build_cluster(spec);
    const Flow one{cluster.fabric.vertex_of(DeviceId(std::size_t{0})),
                   cluster.fabric.vertex_of(DeviceId(std::size_t{4})), 1, key, 1};
    const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, {&one, 1});
    return std::pair(routed.loads.at(2).link.value, cluster.fabric.link(routed.loads.at(2).link).bandwidth.value);
  };
  CHECK(time_of(0).second == 3 * 25e9);
  spec.fabric.ecmp = "hash";
  std::set<std::uint32_t> used;
  for (std::uint64_t key = 0; key < 16; ++key) {
    used.insert(time_of(key).first);
    CHECK(time_of(key).second == 25e9);
  }
  CHECK(used.size() == 3);
}
