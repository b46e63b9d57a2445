// Slowed and failed links: what crosses them slows by what the rate says, what would cross a failure goes around it.
#include "topologies/degraded.hpp"

#include <catch2/catch.hpp>

#include "kernels/collectives/collective.hpp"
#include "sim/error.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

VertexId at(const Cluster& cluster, std::size_t device) { return cluster.fabric.vertex_of(DeviceId(device)); }

RoutedPattern flow(const Cluster& cluster, std::size_t a, std::size_t b) {
  const Flow one{at(cluster, a), at(cluster, b), 1, 0, 1};
  return route_pattern(cluster.fabric, *cluster.router, {&one, 1});
}

DegradedSpec cable(std::string a, std::string b, double rate) {
  DegradedSpec d;
  d.between = {std::move(a), std::move(b)};
  d.rate = rate;
  return d;
}

DegradedSpec place(std::string name, double rate) {
  DegradedSpec d;
  d.at = std::move(name);
  d.rate = rate;
  return d;
}

ClusterSpec hashed_tree() {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 16, "fat-tree");
  spec.fabric.radix = 16;
  spec.fabric.ecmp = "hash";
  return spec;
}

}  // namespace

TEST_CASE("a cable at half rate halves exactly the flows that cross it") {
  ClusterSpec spec = nodes_of(node_of("ring", 6, {}, 2), 1, "none");
  const Cluster healthy = build_cluster(spec);
  spec.degraded = {cable("device 1", "device 2", 0.5)};
  const Cluster slowed = build_cluster(spec);
  CHECK(flow(slowed, 1, 2).bottleneck == 2 * flow(healthy, 1, 2).bottleneck);
  CHECK(flow(slowed, 2, 1).bottleneck == 2 * flow(healthy, 2, 1).bottleneck);
  CHECK(flow(slowed, 2, 4).bottleneck == flow(healthy, 2, 4).bottleneck);
  CHECK(slowed.fabric.degraded().size() == 2);
}

TEST_CASE("a failed cable of a ring sends its traffic the long way round") {
  ClusterSpec spec = nodes_of(node_of("ring", 6, {}, 2), 1, "none");
  spec.degraded = {cable("device 0", "device 1", 0)};
  const Cluster cluster = build_cluster(spec);
  CHECK(flow(cluster, 0, 1).loads.size() == 5);
  CHECK(flow(cluster, 0, 1).latency.value == Approx(5e-6));
  CHECK(flow(cluster, 1, 2).loads.size() == 1);
}

TEST_CASE("a failed spine is avoided by every hashed flow, and the others share its traffic") {
  ClusterSpec spec = hashed_tree();
  const Cluster healthy = build_cluster(spec);
  spec.degraded = {place("switch 8", 0)};  // after the 8 leaves: the first spine
  const Cluster cluster = build_cluster(spec);
  REQUIRE(cluster.fabric.degraded().size() == 2 * 16);
  std::size_t moved = 0, flows = 0;
  for (std::size_t a = 0; a < 64; ++a)
    for (std::size_t b = 0; b < 64; ++b) {
      if (a == b) continue;
      const RoutedPattern now = flow(cluster, a, b), before = flow(healthy, a, b);
      for (const LinkLoad& load : now.loads) REQUIRE(cluster.fabric.link(load.link).bandwidth.value > 0);
      REQUIRE(now.latency.value == Approx(before.latency.value));
      ++flows;
      for (std::size_t i = 0; i < before.loads.size(); ++i)
        if (before.loads[i].link != now.loads[i].link) {
          ++moved;
          break;
        }
    }
  const double share = static_cast<double>(moved) / static_cast<double>(flows);
  CHECK(share > 0.15);  // one of 4 spines: a quarter of what crosses them
  CHECK(share < 0.30);
}

TEST_CASE("a device whose NIC failed reaches the fabric through a neighbour's") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 4, "single-switch");
  spec.degraded = {place("nic 0", 0)};
  const Cluster cluster = build_cluster(spec);
  const RoutedPattern around = flow(cluster, 0, 4);
  CHECK(around.loads.size() > 4);  // device, switch of the node, the three other devices, their NICs, the switch, ...
  CHECK(1 / around.bottleneck == Approx(25e9));  // the narrow end is the receiver's own NIC
  CHECK(flow(cluster, 1, 5).loads.size() == 4);
}

TEST_CASE("a share of a class of cables is drawn with its seed, the same each time") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 16, "single-switch");
  DegradedSpec some;
  some.link = "nic";
  some.share = 0.25;
  some.rate = 0.5;
  spec.degraded = {some};
  const Cluster first = build_cluster(spec), again = build_cluster(spec);
  REQUIRE(first.fabric.degraded().size() == 2 * 16);
  std::vector<std::uint32_t> links, same, other;
  for (const DegradedLink& d : first.fabric.degraded()) links.push_back(d.link.value);
  for (const DegradedLink& d : again.fabric.degraded()) same.push_back(d.link.value);
  spec.degraded[0].seed = 2;
  const Cluster third = build_cluster(spec);
  for (const DegradedLink& d : third.fabric.degraded()) other.push_back(d.link.value);
  CHECK(links == same);
  CHECK(links != other);
}

TEST_CASE("failures that cut devices off are refused by name") {
  ClusterSpec spec = nodes_of(node_of("switch", 4), 1, "none");
  spec.degraded = {place("device 2", 0)};
  Fault fault = fault_of(spec);
  CHECK(fault.pointer == "/degraded");
  CHECK(fault.found.find("device 2") != std::string::npos);
  spec.degraded = {place("node-switch 0", 0)};
  CHECK(fault_of(spec).found.find("device 1, 2, 3") != std::string::npos);
}

TEST_CASE("places and links that do not exist are refused where they are named") {
  ClusterSpec spec = nodes_of(node_of("ring", 6, {}, 2), 1, "none");
  spec.degraded = {cable("device 0", "device 3", 0)};
  CHECK(fault_of(spec).pointer == "/degraded/0/between");
  spec.degraded = {cable("device 0", "device 6", 0)};
  CHECK(fault_of(spec).pointer == "/degraded/0/between/1");
  CHECK(fault_of(spec).expected.find("device 0 to 5") != std::string::npos);
  DegradedSpec unknown;
  unknown.link = "fats";
  spec.degraded = {unknown};
  CHECK(fault_of(spec).pointer == "/degraded/0/link");
  CHECK(fault_of(spec).found.find("fast") != std::string::npos);
}

namespace {

// Two nodes of eight on a switch with eight NICs, three of four devices in a full mesh with two NICs, on rails.
ClusterSpec uneven_domains() {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 2, "fat-tree");
  spec.pools.push_back({"small", with_nics(node_of("full-mesh", 4, {}, 3), 2), 3, {}, 1});
  spec.fabric.radix = 16;
  spec.fabric.rail_optimized = true;
  return spec;
}

double all_reduce(const Cluster& cluster, std::vector<std::size_t> devices) {
  CollectiveRequest request;
  request.bytes = Bytes(1e9);
  for (std::size_t d : devices) request.members.emplace_back(d);
  return time_alone(cluster, plan_collective(cluster, request)).value;
}

}  // namespace

TEST_CASE(
    "in domains of different sizes a failed leaf turns its rail to the neighbours' NICs, in either kind of node") {
  ClusterSpec spec = uneven_domains();
  const Cluster healthy = build_cluster(spec);
  spec.degraded = {place("switch 1", 0)};  // the leaf of rail 1
  const Cluster cluster = build_cluster(spec);
  // Devices 1 and 9 are on rail 1 of the large nodes; 18 and 22 (third of four) use the second NIC of the small ones.
  for (const auto& [a, b] : {std::pair<std::size_t, std::size_t>{1, 9}, {18, 22}, {1, 18}}) {
    INFO(a << " to " << b);
    const RoutedPattern around = flow(cluster, a, b);
    for (const LinkLoad& load : around.loads) CHECK(cluster.fabric.link(load.link).bandwidth.value > 0);
    CHECK(around.latency > flow(healthy, a, b).latency);
  }
  CHECK(flow(cluster, 0, 8).bottleneck == flow(healthy, 0, 8).bottleneck);  // another rail
  CHECK(flow(cluster, 16, 20).latency.value == flow(healthy, 16, 20).latency.value);
}

TEST_CASE(
    "a slow scale-up link slows what stays in its domain, a slow NIC what leaves it, and neither the other kind") {
  ClusterSpec spec = uneven_domains();
  const std::vector<std::size_t> large = {0, 1, 2, 3, 4, 5, 6, 7}, small = {16, 17, 18, 19}, across = {0, 8};
  const Cluster healthy = build_cluster(spec);
  spec.degraded = {cable("device 16", "device 17", 0.25)};
  const Cluster slow_mesh = build_cluster(spec);
  CHECK(all_reduce(slow_mesh, small) > 2 * all_reduce(healthy, small));
  CHECK(all_reduce(slow_mesh, large) == all_reduce(healthy, large));
  CHECK(all_reduce(slow_mesh, across) == all_reduce(healthy, across));
  spec.degraded = {place("nic 0", 0.5)};
  const Cluster slow_nic = build_cluster(spec);
  CHECK(all_reduce(slow_nic, across) > 1.5 * all_reduce(healthy, across));
  CHECK(all_reduce(slow_nic, large) == all_reduce(healthy, large));
  CHECK(all_reduce(slow_nic, small) == all_reduce(healthy, small));
}

TEST_CASE("a failed switch that all NICs of some nodes hang on cuts their devices off, and they are named") {
  ClusterSpec spec = uneven_domains();
  spec.fabric.rail_optimized = false;  // whole nodes on a leaf: the third leaf holds the small nodes
  spec.degraded = {place("switch 2", 0)};
  const Fault fault = fault_of(spec);
  CHECK(fault.pointer == "/degraded");
  CHECK(fault.found.find("device 16, 17, 18, 19 and 8 more cut off") != std::string::npos);
}
