// Optical circuit switches between NICs: what is wired, what a path costs, and what is refused. How circuits are divided and
// set anew is tested in tests/sim/circuits_test.cpp.
#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

ClusterSpec optical(int nodes, int nics, const char* options, NodeModel node = node_of("switch", 4)) {
  ClusterSpec spec = nodes_of(with_nics(std::move(node), nics), nodes, "optical-circuits");
  spec.fabric.link = link("mirrors", 50e9, 50e-9);
  spec.fabric.link->reconfiguration_time = Seconds(10e-3);
  spec.fabric.link->ports = 16;
  spec.fabric.options = parse_json(options, "test");
  return spec;
}

Flow flow(const Cluster& cluster, std::size_t from, std::size_t to) {
  return {cluster.fabric.vertex_of(DeviceId(from)), cluster.fabric.vertex_of(DeviceId(to)), 1, 0, 1};
}

}  // namespace

TEST_CASE("a light path costs one hop of the NIC's link and one of the switch's") {
  const Cluster cluster = build_cluster(optical(4, 4, "{}"));
  const Flow f = flow(cluster, 0, 4);
  const RoutedPattern r = route_pattern(cluster.fabric, *cluster.router, {&f, 1});
  CHECK(r.latency.value == Approx(2e-6 + 50e-9));
  CHECK(1 / r.bottleneck == Approx(25e9));
  CHECK(cluster.fabric.domains()[0].kind == DomainKind::optical_circuits);
}

TEST_CASE("wavelengths and cables of a NIC are its circuits, each of an equal part of its rate") {
  const Cluster cluster = build_cluster(optical(8, 4, R"({"cables_per_nic": 2, "wavelengths": 2, "ports": 32})"));
  std::vector<Flow> flows;
  for (std::size_t peers = 1; peers <= 4; ++peers) {
    flows.push_back(flow(cluster, 0, 4 * peers));
    const RoutedPattern r = route_pattern(cluster.fabric, *cluster.router, flows);
    CHECK(r.switching_s == 0);
    CHECK(1 / r.bottleneck == Approx(peers == 1 ? 25e9 : peers == 2 ? 12.5e9 : 6.25e9));
  }
  flows.push_back(flow(cluster, 0, 20));
  CHECK(route_pattern(cluster.fabric, *cluster.router, flows).switching_s == Approx(2 * 10e-3));
}

TEST_CASE("a switch joins no more NICs than it has ports") {
  CHECK(fault_of(optical(4, 4, "{}")).pointer == "built");
  CHECK(fault_of(optical(5, 4, "{}")).pointer == "/fabric/options/ports");
  CHECK(fault_of(optical(5, 4, R"({"ports": 32})")).pointer == "built");
}

TEST_CASE("a bank per rail needs fewer ports, and messages change rails inside their node") {
  ClusterSpec spec = optical(16, 4, "{}");
  spec.fabric.rail_optimized = true;
  CHECK(fault_of(spec).pointer == "/fabric/options/pxn");
  spec.fabric.options["pxn"] = true;
  const Cluster cluster = build_cluster(spec);
  const Flow f = flow(cluster, 0, 5);
  const RoutedPattern r = route_pattern(cluster.fabric, *cluster.router, {&f, 1});
  REQUIRE(r.circuits.size() == 1);
  CHECK(cluster.fabric.link(r.circuits[0].in).to == cluster.fabric.link(r.circuits[0].out).from);
  CHECK(r.latency.value == Approx(2 * 1e-6 + 2e-6 + 50e-9));
}

TEST_CASE("rails of light are refused in a region, whose gateway would be on one of them") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 4, "wide-area");
  spec.fabric.link = link("wan", 25e9, 5e-3);
  spec.fabric.options = {{"pxn", true}};
  spec.fabric.inside = {optical(2, 4, "{}").fabric};
  CHECK(fault_of(spec).pointer == "built");
  spec.fabric.inside[0].rail_optimized = true;
  CHECK(fault_of(spec).pointer == "/fabric/inside/0/rail_optimized");
}

TEST_CASE("an optical switch has a reconfiguration time, and its choices are known ones") {
  ClusterSpec spec = optical(4, 4, "{}");
  spec.fabric.link->reconfiguration_time.reset();
  CHECK(fault_of(spec).pointer == "/fabric/link");
  spec.fabric.link.reset();
  CHECK(fault_of(spec).pointer == "/fabric/link");
  CHECK(fault_of(optical(4, 4, R"({"reconfigure": "per-fase"})")).pointer == "/fabric/options/reconfigure");
  CHECK(fault_of(optical(4, 4, R"({"oversubscribed": "wait"})")).pointer == "/fabric/options/oversubscribed");
}

TEST_CASE("fibres times wavelengths have a bound") {
  CHECK(fault_of(optical(4, 4, R"({"cables_per_nic": 65536, "wavelengths": 65536})")).pointer ==
        "/fabric/options/wavelengths");
}
