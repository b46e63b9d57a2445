// Wiring and routing of clusters built from specs.
#include <catch2/catch.hpp>

#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Every device reaches every other along consecutive links, all of whose shares enter and leave each vertex alike.
void check_routes(const Cluster& cluster) {
  const Fabric& fabric = cluster.fabric;
  std::vector<Hop> hops;
  for (std::size_t a = 0; a < fabric.device_count(); ++a)
    for (std::size_t b = 0; b < fabric.device_count(); ++b) {
      const VertexId from = fabric.vertex_of(DeviceId(a)), to = fabric.vertex_of(DeviceId(b));
      hops.clear();
      cluster.router->route(from, to, 7, hops);
      std::map<VertexId, double> balance;
      for (const Hop& hop : hops) {
        balance[fabric.link(hop.link).from] -= hop.share;
        balance[fabric.link(hop.link).to] += hop.share;
      }
      if (a != b) {
        balance[from] += 1;
        balance[to] -= 1;
      }
      for (const auto& [vertex, sum] : balance) REQUIRE(sum == Approx(0).margin(1e-12));
    }
}

}  // namespace

TEST_CASE("every route of every topology conserves its traffic at every vertex") {
  for (const ClusterSpec& spec : sample_clusters()) {
    INFO(spec.name);
    const Cluster cluster = build_cluster(spec);
    CHECK(cluster.fabric.connected());
    check_routes(cluster);
  }
}

TEST_CASE("the host power of a node is shared by its own devices, pool by pool") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 2, "single-switch");
  spec.pools[0].node.host_power = Watts(400);
  spec.pools.push_back({"other", switch_node(2, 2), 3, {}, 1});
  spec.pools[1].node.host_power = Watts(600);
  const Cluster cluster = build_cluster(spec);
  CHECK(cluster.host_power_of(DeviceId(0)).value == 100);
  CHECK(cluster.host_power_of(DeviceId(7)).value == 100);
  CHECK(cluster.host_power_of(DeviceId(8)).value == 300);
  CHECK(cluster.host_power_of(DeviceId(13)).value == 300);
}

TEST_CASE("a node of 8 behind an oversubscribed fat tree has the uplink share that the ratio says") {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 8, "fat-tree");
  spec.fabric.radix = 32;
  spec.fabric.oversubscription = 3;  // 24 down, 8 up: three nodes per leaf
  const Cluster cluster = build_cluster(spec);
  std::vector<Flow> flows;  // leaf 0 (nodes 0-2) sends to leaf 1 (nodes 3-5), all 24 devices at once
  for (std::size_t d = 0; d < 24; ++d)
    flows.push_back({cluster.fabric.vertex_of(DeviceId(d)), cluster.fabric.vertex_of(DeviceId(24 + d)), 1, 0, 1});
  const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, flows);
  CHECK(1 / routed.bottleneck == Approx(25e9 * 8 / 24));
}
