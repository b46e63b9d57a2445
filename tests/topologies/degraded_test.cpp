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

TEST_CASE("a share of cables is drawn from bundles cable by cable, whatever the seed") {
  // Eight leaves of 8 uplinks, each one bundle under ideal spreading: 6 of the 64 cables at a quarter take 4.5 cables' worth.
  ClusterSpec spec = nodes_of(switch_node(4, 4), 16, "fat-tree");
  spec.fabric.radix = 16;
  spec.fabric.link = link("trunk", 25e9, 1e-6);
  DegradedSpec some;
  some.link = "trunk";
  some.share = 0.1;
  some.rate = 0.25;
  for (int seed = 1; seed <= 5; ++seed) {
    some.seed = seed;
    spec.degraded = {some};
    const Cluster cluster = build_cluster(spec);
    double total = 0, slowed = 0, narrowest = 1e300;
    for (const Link& l : cluster.fabric.links())
      if (cluster.fabric.link_class(l.link_class).name == "trunk") {
        total += l.bandwidth.value;
        narrowest = std::min(narrowest, l.bandwidth.value);
      }
    for (const DegradedLink& d : cluster.fabric.degraded()) slowed += d.cables;
    INFO("seed " << seed);
    CHECK(slowed == 2 * 6);
    CHECK(total == Approx(2 * (64 - 6 * 0.75) * 25e9));
    CHECK(narrowest > 8 * 25e9 / 4);  // no whole bundle
  }
  some.rate = 0;
  spec.degraded = {some};
  const Cluster failed = build_cluster(spec);
  double cables = 0;
  for (const Link& l : failed.fabric.links())
    if (failed.fabric.link_class(l.link_class).name == "trunk") cables += l.cables;
  CHECK(cables == 2 * (64 - 6));
}

TEST_CASE("the one vertex of equal spines cannot fail, and the message names the wiring in which a spine can") {
  ClusterSpec spec = hashed_tree();
  spec.fabric.ecmp = "ideal";
  spec.degraded = {place("switch 8", 0)};
  CHECK(fault_of(spec).expected.find("\"hash\"") != std::string::npos);
}

namespace {

// Two switches joined by one cable, two nodes on each, and a fifth with a NIC on either.
ClusterSpec with_a_node_between() {
  ClusterSpec spec = nodes_of(switch_node(2, 2), 5, "custom");
  spec.fabric.options = parse_json(R"({"switches": 2, "links": [[0, 1]], "attach": [0, 0, 0, 0, 1, 1, 1, 1, 0, 1]})",
                                   "test");
  return spec;
}

}  // namespace

TEST_CASE(
    "a fabric in two parts is an error though a GPU with a NIC on both could forward, which no other node's does") {
  ClusterSpec spec = with_a_node_between();
  CHECK(fault_of(spec).pointer == "built");
  spec.degraded = {cable("switch 0", "switch 1", 0)};
  const Fault fault = fault_of(spec);
  CHECK(fault.pointer == "/degraded");
  CHECK(fault.found.find("device 4, 5, 6, 7 cut off from device 0") != std::string::npos);
}

TEST_CASE("a detour changes NICs in the nodes at its ends, never in another") {
  ClusterSpec spec = with_a_node_between();
  spec.fabric.options["links"] = parse_json("[[0, 2], [2, 3], [3, 1], [0, 1]]", "test");
  spec.fabric.options["switches"] = 4;
  spec.degraded = {cable("switch 0", "switch 1", 0)};
  const Cluster cluster = build_cluster(spec);
  const RoutedPattern around = flow(cluster, 0, 4);  // over switches 2 and 3, not over device 8 or 9, which is nearer
  CHECK(around.loads.size() == 2 + 3 + 2);
  for (const LinkLoad& load : around.loads)
    for (VertexId end : {cluster.fabric.link(load.link).from, cluster.fabric.link(load.link).to})
      CHECK(cluster.fabric.vertex(end).node != 4);
  // The node between has its own two ways: each of its devices reaches either side over its neighbour's NIC.
  spec.degraded.push_back(place("nic 9", 0));
  const Cluster one_sided = build_cluster(spec);
  CHECK(flow(one_sided, 9, 0).loads.size() == 2 + 1 + 1 + 2);
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
  // Direct exchange loads three links of each device, the ring around the slow one two in either direction.
  CHECK(all_reduce(slow_mesh, small) == Approx(1.5 * all_reduce(healthy, small)).epsilon(0.05));
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

TEST_CASE("a NIC that no memory is reached by fails with its way to its device") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 4, "single-switch");
  spec.degraded = {place("nic 0", 0)};
  CHECK(build_cluster(spec).fabric.degraded().size() == 4);  // both directions of two cables
}
