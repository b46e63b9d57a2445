// Regions over distances: capacity, latency, loss, the fabrics inside, and what is refused.
#include <cmath>
#include <set>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "sim/error.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

FabricSpec inner(const char* kind) {
  FabricSpec spec;
  spec.kind = kind;
  spec.radix = 16;
  return spec;
}

ClusterSpec regions(int nodes, const char* options, std::vector<FabricSpec> inside = {inner("fat-tree")}) {
  ClusterSpec spec = nodes_of(switch_node(4, 4), nodes, "wide-area");
  spec.fabric.link = link("fibre", 10e9, 3e-3);
  spec.fabric.options = parse_json(options, "test");
  spec.fabric.inside = std::move(inside);
  return spec;
}

Flow flow(const Cluster& cluster, std::size_t from, std::size_t to, std::uint64_t key = 0) {
  return {cluster.fabric.vertex_of(DeviceId(from)), cluster.fabric.vertex_of(DeviceId(to)), 1, key, 1};
}

RoutedPattern routed(const Cluster& cluster, std::vector<Flow> flows) {
  return route_pattern(cluster.fabric, *cluster.router, flows);
}

}  // namespace

TEST_CASE("all that leaves a region shares its wide-area links, what stays inside does not notice them") {
  const Cluster cluster = build_cluster(regions(8, R"({"regions": 2, "links": 3, "distance": "1000 km"})"));
  std::vector<Flow> across, inside;
  for (std::size_t d = 0; d < 16; ++d) {
    across.push_back(flow(cluster, d, d + 16));
    inside.push_back(flow(cluster, d, (d + 4) % 16));
  }
  CHECK(1 / routed(cluster, across).bottleneck == Approx(30e9 / 16));
  CHECK(1 / routed(cluster, inside).bottleneck == Approx(25e9));
  // NIC to leaf, leaf to leaf or gateway and back, 2 us each, in either region; 1000 km at 5 us between.
  const double there = routed(cluster, {across[0]}).latency.value;
  CHECK(there == Approx(5e-3).margin(20e-6));
  CHECK(there > 5e-3 + 8e-6);
}

TEST_CASE("without a distance the wide-area link has its own latency") {
  const Cluster cluster = build_cluster(regions(4, "{}"));
  CHECK(routed(cluster, {flow(cluster, 0, 8)}).latency.value == Approx(3e-3).margin(20e-6));
}

TEST_CASE("lost packets hold connections back as Mathis et al. have it, until the link does") {
  const auto rate = [](const char* options) {
    const Cluster cluster = build_cluster(regions(4, options));
    return 1 / routed(cluster, {flow(cluster, 0, 8)}).bottleneck;
  };
  const double one = std::sqrt(1.5 / 1e-4) * 1460 / (2 * 5e-6 * 1000);
  CHECK(rate(R"({"distance": "1000 km", "loss": 1e-4, "streams": 16})") == Approx(16 * one));
  CHECK(rate(R"({"distance": "2000 km", "loss": 1e-4, "streams": 16})") == Approx(16 * one / 2));
  CHECK(rate(R"({"distance": "1000 km", "loss": 4e-4, "streams": 16})") == Approx(16 * one / 2));
  CHECK(rate(R"({"distance": "1000 km", "loss": 1e-4, "streams": 16, "segment_bytes": 8948})") ==
        Approx(16 * one * 8948 / 1460));
  CHECK(rate(R"({"distance": "1000 km", "loss": 1e-4, "streams": 60000})") == Approx(10e9));
  CHECK(rate(R"({"distance": "1000 km", "loss": 0})") == Approx(10e9));
}

TEST_CASE("three regions are joined by pairs or along a ring, and may have fabrics of their own") {
  const char* sizes = R"({"regions": [2, 4, 2]})";
  const std::vector<FabricSpec> each = {inner("fat-tree"), inner("single-switch"), inner("fat-tree")};
  const Cluster mesh = build_cluster(regions(8, sizes, each));
  CHECK(1 / routed(mesh, {flow(mesh, 0, 8), flow(mesh, 1, 31)}).bottleneck == Approx(10e9));
  std::vector<FabricSpec> four = {inner("single-switch")};
  const Cluster ring = build_cluster(regions(8, R"({"regions": 4, "joined": "ring"})", four));
  const double next = routed(ring, {flow(ring, 0, 8)}).latency.value,
               opposite = routed(ring, {flow(ring, 0, 16)}).latency.value,
               before = routed(ring, {flow(ring, 0, 24)}).latency.value;
  CHECK(next == Approx(before));
  CHECK(opposite - next == Approx(3e-3));
  // What goes to the opposite region starts half each way.
  CHECK(1 / routed(ring, {flow(ring, 0, 8), flow(ring, 0, 16)}).bottleneck == Approx(10e9 / 1.5));
}

TEST_CASE("on an even ring of regions all pairs load every link alike, as opposite ones are reached both ways") {
  for (std::size_t count : {4u, 6u, 8u}) {
    const std::string options = fmt::format(R"({{"regions": {}, "joined": "ring"}})", count);
    ClusterSpec spec = regions(static_cast<int>(count), options.c_str(), {inner("single-switch")});
    const Cluster ring = build_cluster(spec);
    std::vector<Flow> all;
    for (std::size_t a = 0; a < count; ++a)
      for (std::size_t b = 0; b < count; ++b)
        if (a != b) all.push_back(flow(ring, 4 * a, 4 * b));
    // Of one direction: 1 + 2 + ... + (R/2 - 1) hops, and half of R/2; in all R^2 / 8.
    std::size_t fibres = 0;
    for (const LinkLoad& load : routed(ring, all).loads) {
      if (ring.fabric.link(load.link).bandwidth.value != 10e9) continue;
      ++fibres;
      CHECK(load.weight == Approx(static_cast<double>(count * count) / 8));
    }
    CHECK(fibres == 2 * count);
  }
}

TEST_CASE("under hashed ECMP a flow to the opposite region goes one way round, and others the other") {
  ClusterSpec spec = regions(4, R"({"regions": 4, "joined": "ring"})", {inner("single-switch")});
  spec.fabric.ecmp = "hash";
  const Cluster ring = build_cluster(spec);
  std::set<std::uint32_t> first;
  for (std::uint64_t key = 0; key < 16; ++key) {
    const RoutedPattern one = routed(ring, {flow(ring, 0, 8, key)});
    std::vector<std::uint32_t> fibres;
    for (const LinkLoad& load : one.loads)
      if (ring.fabric.link(load.link).bandwidth.value == 10e9) fibres.push_back(load.link.value);
    CHECK(fibres.size() == 2);
    CHECK(1 / one.bottleneck == Approx(10e9));
    first.insert(fibres.front());
  }
  CHECK(first.size() == 2);
}

TEST_CASE("gateways of a region carry equal parts, or one each under hashed ECMP") {
  ClusterSpec spec = regions(4, R"({"gateways": 2, "links": 2})");
  const Cluster even = build_cluster(spec);
  CHECK(1 / routed(even, {flow(even, 0, 8)}).bottleneck == Approx(20e9));
  spec.fabric.ecmp = "hash";
  const Cluster hashed = build_cluster(spec);
  CHECK(1 / routed(hashed, {flow(hashed, 0, 8)}).bottleneck == Approx(10e9));
}

TEST_CASE("the rails of a region's tree stay together, whatever the cables of its gateway") {
  FabricSpec rails = inner("fat-tree");
  rails.rail_optimized = true;
  for (const auto& [links, leaves] : {std::pair{10, 4u}, {15, 5u}}) {  // 4 or 6 of the 8 ports down of a leaf
    const Cluster cluster = build_cluster(regions(8, fmt::format(R"({{"links": {}}})", links).c_str(), {rails}));
    std::size_t switches = 0;
    for (const Vertex& vertex : cluster.fabric.vertices())
      switches += vertex.kind == VertexKind::network_switch && vertex.node == ~0u;
    CHECK(switches == 2 * (leaves + 1 + 1));  // the spines are one, and so is the gateway
    CHECK(routed(cluster, {flow(cluster, 0, 12)}).loads.size() == 4);
  }
  CHECK(fault_of(regions(8, R"({"links": 25})", {rails})).pointer == "/fabric/inside/0/radix");
  CHECK_THAT(fault_of(regions(8, R"({"links": 25})", {rails})).expected, Catch::Contains("gateway of the region"));
}

TEST_CASE("links of a region are those of its own NICs, and what is about the whole is no option of a region") {
  NodeModel slow = switch_node(4, 4);
  slow.nics->link = link("slow", 5e9, 2e-6);
  const auto inside = [&](bool slow_first) {
    ClusterSpec spec = regions(4, R"({"regions": 2})");
    spec.pools.push_back({"b", slow, 4, {}, 1});
    if (slow_first) std::swap(spec.pools[0], spec.pools[1]);
    const Cluster cluster = build_cluster(spec);
    return 1 / routed(cluster, {flow(cluster, 0, 12), flow(cluster, 16, 28)}).bottleneck;
  };
  CHECK(inside(false) == inside(true));
  CHECK(inside(true) == Approx(5e9));
  FabricSpec relayed = inner("fat-tree");
  relayed.options = {{"pxn", true}};
  CHECK(fault_of(regions(4, "{}", {relayed})).pointer == "/fabric/inside/0/options/pxn");
}

TEST_CASE("domains nest: node, leaf, region, all regions, and regions may be built of regions") {
  ClusterSpec spec = regions(16, R"({"regions": 2})");
  const Cluster cluster = build_cluster(spec);
  const Domain& all = cluster.fabric.domain(
      cluster.fabric.common_domain(DeviceId(std::size_t{0}), DeviceId(std::size_t{63})));
  const Domain& one = cluster.fabric.domain(
      cluster.fabric.common_domain(DeviceId(std::size_t{0}), DeviceId(std::size_t{31})));
  CHECK(all.kind == DomainKind::wide_area);
  CHECK(one.kind == DomainKind::clos);
  CHECK(one.members.size() == 32);
  CHECK(all.level > one.level);
  FabricSpec continent = inner("wide-area");
  continent.link = link("short", 40e9, 1e-3);
  continent.inside = {inner("single-switch")};
  const Cluster world = build_cluster(regions(8, R"({"regions": 2})", {continent}));
  CHECK(routed(world, {flow(world, 0, 8)}).latency.value == Approx(1e-3).margin(20e-6));
  CHECK(routed(world, {flow(world, 4, 31)}).latency.value > 3e-3);
  CHECK(1 / routed(world, {flow(world, 0, 8)}).bottleneck == Approx(25e9));
}

TEST_CASE("every region is of its own kind, one whose fabric is flat too") {
  FabricSpec flat = inner("single-switch"), groups = inner("dragonfly");
  const Cluster cluster = build_cluster(regions(8, R"({"regions": 2})", {groups, flat}));
  std::vector<DomainKind> kinds;
  for (const Domain& domain : cluster.fabric.domains())
    if (domain.members.size() == 16) kinds.push_back(domain.kind);
  CHECK(kinds.front() == DomainKind::dragonfly);
  CHECK(kinds.at(1) == DomainKind::network_switch);
}

TEST_CASE("regions that cannot be are refused with the place of the fault") {
  CHECK(fault_of(regions(5, R"({"regions": 2})")).pointer == "/fabric/options/regions");
  CHECK(fault_of(regions(8, R"({"regions": [4, 5]})")).pointer == "/fabric/options/regions");
  CHECK(fault_of(regions(8, R"({"distance": 4000})")).pointer == "/fabric/options/distance");
  CHECK(fault_of(regions(8, R"({"distance": "4000 miles"})")).pointer == "/fabric/options/distance");
  CHECK(fault_of(regions(8, R"({"loss": 2})")).pointer == "/fabric/options/loss");
  CHECK(fault_of(regions(8, "{}", {})).pointer == "/fabric/inside");
  CHECK(fault_of(regions(8, "{}", {inner("none")})).pointer == "/fabric/inside/0/kind");
  CHECK(fault_of(regions(8, "{}", {inner("fat-tre")})).pointer == "/fabric/inside/0/kind");
  ClusterSpec spec = regions(8, "{}");
  spec.fabric.link.reset();
  CHECK(fault_of(spec).pointer == "/fabric/link");
  spec.fabric.kind = "fat-tree";
  CHECK(fault_of(spec).pointer == "/fabric/inside");
}

TEST_CASE("a lattice or platform inside a region that has no place for the gateway says so") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 8, "wide-area");
  spec.fabric.options = parse_json(R"({"regions": 2})", "test");
  spec.fabric.link = link("wan", 50e9, 5e-3);
  FabricSpec ring = nodes_of(switch_node(4, 4), 4, "torus").fabric;
  ring.options = parse_json(R"({"dimensions": [4], "terminals_per_router": 4})", "test");
  spec.fabric.inside.push_back(ring);
  const Fault fault = fault_of(spec);
  CHECK(fault.pointer == "/fabric/inside/0/options/dimensions");
  CHECK(fault.expected == "at least 5 routers for all NICs and for the gateway of the region");
}
