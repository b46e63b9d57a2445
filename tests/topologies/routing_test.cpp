// Routing laws of single families.
#include <set>

#include <catch2/catch.hpp>

#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

std::vector<Hop> path(const Cluster& cluster, std::size_t a, std::size_t b, std::uint64_t key = 0) {
  std::vector<Hop> hops;
  cluster.router->route(cluster.fabric.vertex_of(DeviceId(a)), cluster.fabric.vertex_of(DeviceId(b)), key, hops);
  return hops;
}

}  // namespace

TEST_CASE("a torus routes the shorter way round and splits evenly where both are equal") {
  const Cluster cluster = build_cluster(nodes_of(node_of("torus", 6, {6}, 2), 1, "none"));
  CHECK(path(cluster, 0, 2).size() == 2);
  CHECK(path(cluster, 0, 5).size() == 1);
  const auto both = path(cluster, 0, 3);
  REQUIRE(both.size() == 6);
  for (const Hop& hop : both) CHECK(hop.share == 0.5);
}

TEST_CASE("hashed ECMP takes one path per flow, the same for the same key, and uses all of them over many keys") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 16, "fat-tree");
  spec.fabric.radix = 16;
  spec.fabric.ecmp = "hash";
  const Cluster cluster = build_cluster(spec);
  std::set<LinkId> uplinks;
  for (std::uint64_t key = 0; key < 500; ++key) {
    const auto hops = path(cluster, 0, 60, key);
    REQUIRE(hops.size() == 6);
    for (const Hop& hop : hops) CHECK(hop.share == 1);
    CHECK(hops[2].link == path(cluster, 0, 60, key)[2].link);
    uplinks.insert(hops[2].link);
  }
  CHECK(uplinks.size() == 8);
}

TEST_CASE("a non-blocking fat tree gives every permutation full NIC bandwidth under ideal ECMP") {
  for (int levels : {2, 3}) {
    ClusterSpec spec = nodes_of(switch_node(4, 4), 16, "fat-tree");
    spec.fabric.radix = levels == 2 ? 16 : 8;
    spec.fabric.levels = levels;
    const Cluster cluster = build_cluster(spec);
    for (std::size_t shift : {4u, 16u, 28u, 36u}) {
      std::vector<Flow> flows;
      for (std::size_t d = 0; d < 64; ++d)
        flows.push_back(
            {cluster.fabric.vertex_of(DeviceId(d)), cluster.fabric.vertex_of(DeviceId((d + shift) % 64)), 1, 0, 1});
      CHECK(1 / route_pattern(cluster.fabric, *cluster.router, flows).bottleneck == Approx(25e9));
    }
  }
}

TEST_CASE("on a rail-optimized tree the devices of one rail meet in their leaf switch") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 6, "fat-tree");
  spec.fabric.radix = 12;
  spec.fabric.rail_optimized = true;
  const Cluster cluster = build_cluster(spec);
  CHECK(path(cluster, 1, 5).size() == 4);
  CHECK(path(cluster, 1, 6).size() == 6);
}

TEST_CASE("domains nest: a device lies in its node, its leaf and the cluster") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 8, "fat-tree");
  spec.fabric.radix = 16;
  const Cluster cluster = build_cluster(spec);
  const Fabric& fabric = cluster.fabric;
  const DomainId node = fabric.domain_of(DeviceId(5));
  CHECK(fabric.domain(node).members.size() == 4);
  const DomainId leaf = fabric.domain(node).parent;
  CHECK(fabric.domain(leaf).members.size() == 8);
  const DomainId whole = fabric.domain(leaf).parent;
  CHECK(fabric.domain(whole).members.size() == 32);
  CHECK(fabric.common_domain(DeviceId(0), DeviceId(3)) == fabric.domain_of(DeviceId(0)));
  CHECK(fabric.common_domain(DeviceId(4), DeviceId(31)) == whole);
}

TEST_CASE("every NIC beyond one per device widens the device's way out") {
  const Cluster cluster = build_cluster(nodes_of(switch_node(4, 16), 2, "single-switch"));
  const Flow flow{cluster.fabric.vertex_of(DeviceId(0)), cluster.fabric.vertex_of(DeviceId(4)), 1, 0, 1};
  CHECK(1 / route_pattern(cluster.fabric, *cluster.router, {&flow, 1}).bottleneck == Approx(4 * 25e9));
}
