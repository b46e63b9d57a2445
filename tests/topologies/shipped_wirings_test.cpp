// Shipped nodes and families that are not one plain switch: links, diameters and the rate that a collective reaches on the
// wires, each against its closed form from the data sheet.
#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/options.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

Cluster shipped(const char* name) {
  return build_cluster(nodes_of(load_part<NodeModel>("hardware/nodes", name, Library::installed()), 1, "none"));
}

double port_rate(const char* link) {
  return payload(load_part<LinkModel>("hardware/links", link, Library::installed())).value;
}

// Bytes per second of the buffer that the wires alone allow.
double wire_rate(const Cluster& cluster, CollectiveKind kind, const char* algorithm) {
  std::vector<DeviceId> all;
  for (std::size_t d = 0; d < cluster.fabric.device_count(); ++d) all.emplace_back(d);
  const Group group = make_group(cluster, std::move(all));
  const CollectiveAlgorithm& chosen = find(collective_catalog(), algorithm)->value;
  REQUIRE(chosen.supports(kind, group));
  double busy = 0;
  for (const TrafficPhase& phase : traffic_of(chosen, kind, group))
    busy += route_pattern(cluster.fabric, *cluster.router, flows_of(group, phase.pairs)).bottleneck;
  return 1 / busy;
}

// Links of the scale-up network, each way one.
std::size_t scale_up_links(const Cluster& cluster) {
  const auto links = cluster.fabric.links();
  const LinkClassId own = cluster.fabric.domain(cluster.fabric.domain_of(DeviceId(std::size_t{0}))).link_class;
  return static_cast<std::size_t>(
      std::count_if(links.begin(), links.end(), [&](const Link& link) { return link.link_class == own; }));
}

// Most hops between two devices: of their routes, and of the shortest paths, which the routes must not miss.
std::size_t diameter(const Cluster& cluster) {
  const Fabric& fabric = cluster.fabric;
  double routed = 0;
  std::size_t shortest = 0;
  std::vector<Hop> hops;
  for (std::size_t a = 0; a < fabric.device_count(); ++a)
    for (std::size_t b = 0; b < fabric.device_count(); ++b) {
      if (a == b) continue;
      hops.clear();
      cluster.router->route(fabric.vertex_of(DeviceId(a)), fabric.vertex_of(DeviceId(b)), 0, hops);
      double length = 0;
      for (const Hop& hop : hops) length += hop.share;
      routed = std::max(routed, length);
      shortest = std::max(shortest,
                          fabric.shortest_path(fabric.vertex_of(DeviceId(a)), fabric.vertex_of(DeviceId(b))).size());
    }
  CHECK(routed == Approx(static_cast<double>(shortest)));
  return shortest;
}

}  // namespace

TEST_CASE("an NVL72 rack has 72 x 18 ports one switch apart, and reduces at 72/73 of its rate in the switch") {
  const Cluster rack = shipped("gb200-nvl72");
  const double each = 18 * port_rate("nvlink5");
  CHECK(scale_up_links(rack) == 2 * 72);  // the eighteen planes are one switch
  CHECK(diameter(rack) == 2);
  for (const Link& link : rack.fabric.links())
    if (rack.fabric.link_class(link.link_class).name == "nvlink5") CHECK(link.bandwidth.value == Approx(each));
  CHECK(wire_rate(rack, CollectiveKind::all_reduce, "ring") == Approx(each / (2.0 * 71 / 72)));
  CHECK(wire_rate(rack, CollectiveKind::all_reduce, "nvls") == Approx(each / (73.0 / 72)));
  CHECK(wire_rate(rack, CollectiveKind::all_to_all, "direct") == Approx(each / (71.0 / 72)));
}

TEST_CASE("a DGX-1 is a hybrid cube mesh of 24 NVLinks whose three double rings use every one of them") {
  const Cluster node = shipped("dgx1-v100");
  const double cable = port_rate("nvlink2");
  double cables = 0;
  for (const Link& link : node.fabric.links())
    if (node.fabric.link_class(link.link_class).name == "nvlink2") cables += link.bandwidth.value / cable;
  CHECK(cables == Approx(2 * 24));        // 8 x 6 ports, two to a cable, two ways
  CHECK(scale_up_links(node) == 2 * 16);  // pairs that are joined, some by two cables
  CHECK(diameter(node) == 2);
  CHECK(wire_rate(node, CollectiveKind::all_reduce, "ring") == Approx(6 * cable / (2.0 * 7 / 8)));
  CHECK(wire_rate(node, CollectiveKind::all_gather, "ring") == Approx(6 * cable / (7.0 / 8)));
}

TEST_CASE("eight MI300X are a full mesh of 28 cables: two shots use all seven links of each") {
  const Cluster node = shipped("mi300x-8");
  const double cable = port_rate("infinity-fabric-3");
  CHECK(scale_up_links(node) == 2 * 28);
  CHECK(diameter(node) == 1);
  CHECK(wire_rate(node, CollectiveKind::all_reduce, "direct") == Approx(7 * cable / (2.0 * 7 / 8)));
  CHECK(wire_rate(node, CollectiveKind::all_to_all, "direct") == Approx(7 * cable / (7.0 / 8)));
  // Three rings that share no cable, both ways round.
  CHECK(wire_rate(node, CollectiveKind::all_gather, "ring") == Approx(6 * cable / (7.0 / 8)));
  CHECK(wire_rate(node, CollectiveKind::broadcast, "ring") == Approx(6 * cable));
}

TEST_CASE("a Frontier node gives the sum of each die's xGMI links to its seven peers") {
  const Cluster node = shipped("frontier");
  CHECK(diameter(node) == 1);
  CHECK(wire_rate(node, CollectiveKind::all_reduce, "direct") ==
        Approx(7 * port_rate("infinity-fabric-mi250x") / (2.0 * 7 / 8)));
}

TEST_CASE("an IPU-POD16 is two columns of eight: 8 wide rungs, 16 cables along the columns, diameter 1 + 4") {
  const Cluster pod = shipped("ipu-pod16");
  const double link = port_rate("ipu-link");
  std::map<double, int> widths;
  for (const Link& each : pod.fabric.links())
    if (pod.fabric.link_class(each.link_class).name == "ipu-link") ++widths[each.bandwidth.value / link];
  CHECK(widths == std::map<double, int>{{2, 2 * 16}, {4, 2 * 8}});
  CHECK(diameter(pod) == 5);
}

TEST_CASE("a ladder has a rung for every two devices, rails along both sides and the length of a side as diameter") {
  for (int n : {4, 8, 16}) {
    INFO(n << " devices");
    const auto size = static_cast<std::size_t>(n);
    const Cluster ladder = build_cluster(nodes_of(node_of("ladder", n, {}, 6), 1, "none"));
    CHECK(scale_up_links(ladder) == 2 * (size / 2 + size - 2));
    CHECK(diameter(ladder) == size / 2);
    // A ring each way round the sides and the rungs at their ends, on a third (n = 4: half) of 6 links a device each.
    const double cable = n == 4 ? 300e9 : 200e9;
    CHECK(wire_rate(ladder, CollectiveKind::all_reduce, "ring") == Approx(2 * cable / (2.0 * (n - 1) / n)));
  }
}

TEST_CASE("a hypercube of n devices has n log2(n) / 2 cables and log2(n) hops at most") {
  const Cluster cube = build_cluster(nodes_of(node_of("hypercube", 16, {}, 4), 1, "none"));
  CHECK(scale_up_links(cube) == 16 * 4);
  CHECK(diameter(cube) == 4);
  // Uniform all-to-all in dimension order: half of what a device sends crosses each dimension, over a link of its own.
  CHECK(wire_rate(cube, CollectiveKind::all_to_all, "direct") == Approx(100e9 / 0.5));
}

TEST_CASE("a HyperX of a x b routers has a full mesh along each dimension and a hop for each that differs") {
  ClusterSpec spec = nodes_of(switch_node(2, 2), 3 * 4, "hyperx");
  spec.fabric.options = parse_json(R"({"dimensions": [3, 4], "terminals_per_router": 2})", "test");
  const Cluster cluster = build_cluster(spec);
  std::size_t trunks = 0;
  for (const Link& link : cluster.fabric.links())
    trunks += cluster.fabric.vertex(link.from).node == ~0u && cluster.fabric.vertex(link.to).node == ~0u;
  CHECK(trunks == 3 * 4 * ((3 - 1) + (4 - 1)));
  CHECK(diameter(cluster) == 2 + 2 + 2);  // host link and NIC at both ends, one hop per dimension
  // From the two NICs of a router to the two of each of the b routers in the next column: 2 x 2 x b messages a cable.
  std::vector<Flow> flows;
  const auto at = [&](std::size_t d) { return cluster.fabric.vertex_of(DeviceId(d)); };
  for (std::size_t a = 0; a < 24; ++a)
    for (std::size_t b = 0; b < 24; ++b)
      if (a / 2 != b / 2) flows.push_back({at(a), at(b), 1, 0, 1});
  const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, flows);
  double most = 0;
  for (const LinkLoad& load : routed.loads) {
    const Link& link = cluster.fabric.link(load.link);
    if (cluster.fabric.vertex(link.from).node == ~0u && cluster.fabric.vertex(link.to).node == ~0u)
      most = std::max(most, load.weight);
  }
  CHECK(most == Approx(2 * 2 * 4));
}
