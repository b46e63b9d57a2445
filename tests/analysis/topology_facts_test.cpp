#include "analysis/topology_facts.hpp"

#include <bit>
#include <random>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>
#include <catch2/catch.hpp>

#include "analysis/topology_facts_bisection.hpp"
#include "analysis/topology_facts_text.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

Cluster one(NodeModel node) { return build_cluster(nodes_of(std::move(node), 1, "none")); }

Cluster fat_tree(int nodes, int radix, double oversubscription, int levels = 2) {
  ClusterSpec spec = nodes_of(switch_node(8, 8), nodes, "fat-tree");
  spec.fabric.radix = radix;
  spec.fabric.levels = levels;
  spec.fabric.oversubscription = oversubscription;
  return build_cluster(spec);
}

Fabric random_fabric(std::uint32_t seed, std::size_t vertices, std::size_t links) {
  std::mt19937 draw(seed);
  Fabric fabric;
  for (std::size_t v = 0; v < vertices; ++v) fabric.add_vertex({VertexKind::device, 0, DeviceId(v)});
  const LinkClassId only = fabric.add_link_class({"link", {}, {}});
  for (std::size_t l = 0; l < links; ++l) {
    const std::size_t from = draw() % vertices, to = draw() % vertices;
    if (from == to) continue;
    fabric.add_link(
        {VertexId(from), VertexId(to), BytesPerSecond(1.0 + static_cast<double>(draw() % 20)), Seconds(0), only});
  }
  return fabric;
}

double boost_max_flow(const Fabric& fabric, std::size_t from, std::size_t to) {
  using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
  using Graph = boost::adjacency_list<
      boost::vecS, boost::vecS, boost::directedS, boost::no_property,
      boost::property<boost::edge_capacity_t, long,
                      boost::property<boost::edge_residual_capacity_t, long,
                                      boost::property<boost::edge_reverse_t, Traits::edge_descriptor>>>>;
  Graph graph(fabric.vertices().size());
  for (const Link& link : fabric.links()) {
    const auto forward = boost::add_edge(link.from.index(), link.to.index(), graph).first;
    const auto backward = boost::add_edge(link.to.index(), link.from.index(), graph).first;
    boost::put(boost::edge_capacity, graph, forward, static_cast<long>(link.bandwidth.value));
    boost::put(boost::edge_capacity, graph, backward, 0L);
    boost::put(boost::edge_reverse, graph, forward, backward);
    boost::put(boost::edge_reverse, graph, backward, forward);
  }
  return static_cast<double>(boost::push_relabel_max_flow(graph, from, to));
}

}  // namespace

TEST_CASE("maximum flow agrees with Boost.Graph's push-relabel on random graphs") {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    const Fabric fabric = random_fabric(seed, 12, 15 + seed);
    const FabricGraph graph(fabric);
    const VertexId from(std::size_t{0}), to(std::size_t{11});
    INFO("seed " << seed);
    CHECK(graph.max_flow({&from, 1}, {&to, 1}, graph.bandwidths()) == Approx(boost_max_flow(fabric, 0, 11)));
  }
}

TEST_CASE("the bisection of a regular network by formula is its maximum flow between halves") {
  const std::vector<Cluster> clusters = [] {
    std::vector<Cluster> all;
    all.push_back(one(node_of("switch", 8)));
    all.push_back(one(node_of("full-mesh", 6, {}, 5)));
    all.push_back(one(node_of("full-mesh", 7, {}, 6)));
    all.push_back(one(node_of("ring", 6, {6}, 2)));
    all.push_back(one(node_of("torus", 16, {4, 4}, 4)));
    all.push_back(one(node_of("torus", 32, {4, 4, 2}, 6)));
    all.push_back(one(node_of("torus", 8, {2, 2, 2}, 6)));
    all.push_back(one(node_of("mesh", 24, {6, 4}, 4)));
    return all;
  }();
  for (const Cluster& cluster : clusters) {
    const FabricGraph graph(cluster.fabric);
    const auto formula = bisection_by_formula(cluster.fabric);
    INFO(cluster.name);
    REQUIRE(formula);
    CHECK(formula->exact);
    CHECK(formula->bandwidth == Approx(bisection_by_flow(cluster.fabric, graph).bandwidth));
  }
}

namespace {

// The least bandwidth over all halves, device 0 in the first.
double least_of_all_halves(const Fabric& fabric) {
  const auto n = static_cast<int>(fabric.device_count());
  double least = 1e300;
  for (unsigned half = 1; half < 1u << n; ++half) {
    if (std::popcount(half) != n / 2) continue;
    double crossing = 0;
    for (const Link& link : fabric.links())
      if (((half >> link.from.value) & 1) == 1 && ((half >> link.to.value) & 1) == 0) crossing += link.bandwidth.value;
    least = std::min(least, crossing);
  }
  return least;
}

}  // namespace

TEST_CASE("the bisection of tori and meshes of odd and of mixed sizes is the least over all halves") {
  for (const char* kind : {"torus", "mesh"})
    for (const std::vector<int>& sizes : {std::vector<int>{5},
                                          {3, 3},
                                          {3, 5},
                                          {5, 3},
                                          {4, 3},
                                          {3, 4},
                                          {2, 3},
                                          {5, 2},
                                          {2, 5},
                                          {2, 2, 2},
                                          {3, 2, 2},
                                          {4, 4},
                                          {7, 2},
                                          {1, 6},
                                          {2, 7}}) {
      int devices = 1;
      for (int size : sizes) devices *= size;
      const Cluster cluster = one(node_of(kind, devices, sizes, 2 * static_cast<int>(sizes.size())));
      const auto formula = bisection_by_formula(cluster.fabric);
      INFO(cluster.name << " of " << devices << ", " << sizes.front() << " x ...");
      REQUIRE(formula);
      CHECK(formula->exact);
      CHECK(formula->bandwidth == Approx(least_of_all_halves(cluster.fabric)));
      CHECK(formula->smaller_half == static_cast<std::size_t>(devices / 2));
      CHECK(formula->bandwidth <= formula->full * (1 + 1e-9));
    }
}

TEST_CASE(
    "branches of equal size but unequal bandwidth are not said to be halved exactly, nor is the least cut missed") {
  const auto pool = [](double bandwidth) {
    NodeModel node = node_of("none", 1);
    node.nics.emplace().link = link(bandwidth > 20e9 ? "quick" : "slow", bandwidth, 1e-6);
    return PoolSpec{"", node, 2, {}, 1};
  };
  ClusterSpec spec;
  spec.pools = {pool(10e9), pool(40e9), pool(10e9), pool(40e9)};
  spec.fabric.radix = 4;
  spec.fabric.link = link("trunk", 40e9, 1e-6);
  const TopologyFacts unlike = topology_facts(build_cluster(spec));
  CHECK_FALSE(unlike.bisection->exact);
  CHECK(unlike.bisection->bandwidth == Approx(40e9));  // the four slow ones against the four quick ones
  CHECK(unlike.bisection->full == Approx(40e9));
  spec.pools = {pool(10e9), pool(10e9), pool(10e9), pool(10e9)};
  CHECK(topology_facts(build_cluster(spec)).bisection->exact);
  // A leaf that is not full has as many uplinks for fewer devices.
  ClusterSpec uneven = nodes_of(switch_node(4, 4), 5, "fat-tree");
  uneven.fabric.radix = 16;
  uneven.fabric.oversubscription = 3;
  CHECK_FALSE(topology_facts(build_cluster(uneven)).bisection->exact);
}

TEST_CASE("a bisection is never more than its weaker half can send, in machines of several kinds of nodes too") {
  ClusterSpec mixed = nodes_of(switch_node(8, 8), 4, "fat-tree");
  mixed.pools.push_back({"b", with_nics(node_of("full-mesh", 8, {}, 7), 4), 4, {}, 1});
  mixed.pools.push_back({"c", with_nics(node_of("torus", 64, {4, 4, 4}, 6), 32), 1, {}, 1});
  mixed.fabric.radix = 64;
  mixed.fabric.oversubscription = 3;
  DegradedSpec slow;
  slow.at = "nic 0";
  slow.rate = 0.5;
  for (bool degraded : {false, true}) {
    if (degraded) mixed.degraded = {slow};
    const TopologyFacts facts = topology_facts(build_cluster(mixed));
    CHECK(facts.bisection->smaller_half == 64);
    CHECK(facts.bisection->bandwidth <= facts.bisection->full * (1 + 1e-9));
    CHECK_FALSE(facts.bisection->exact);
  }
}

TEST_CASE("the bisection of a twisted torus is no formula of the straight one, and is not said to be exact") {
  for (const std::vector<int>& sizes : {std::vector<int>{2, 4}, {3, 6}, {4, 8}, {2, 2, 4}, {4, 4, 8}}) {
    int devices = 1;
    for (int size : sizes) devices *= size;
    NodeModel node = node_of("torus", devices, sizes, 2 * static_cast<int>(sizes.size()));
    const double straight = bisection_by_formula(one(node).fabric)->bandwidth;
    node.scale_up.options = parse_json(R"({"twist": true})", "test");
    const Cluster cluster = one(node);
    const BisectionFacts twisted = bisection(cluster.fabric, FabricGraph(cluster.fabric));
    INFO(devices << " devices: " << twisted.note);
    CHECK_FALSE(twisted.exact);
    CHECK(2 * twisted.smaller_half == static_cast<std::size_t>(devices));
    CHECK(twisted.bandwidth > 1.2 * straight);  // what the twist is for
    if (devices > 18) continue;
    double least = 1e300;  // of all halves that hold device 0
    for (unsigned half = 1; half < 1u << devices; half += 2) {
      if (std::popcount(half) * 2 != devices) continue;
      double crossing = 0;
      for (const Link& link : cluster.fabric.links())
        if (((half >> link.from.value) & 1) == 1 && ((half >> link.to.value) & 1) == 0)
          crossing += link.bandwidth.value;
      least = std::min(least, crossing);
    }
    CHECK(twisted.bandwidth >= Approx(least));
  }
}

TEST_CASE("a fat-tree has the bisection of its uplinks, and each level its oversubscription") {
  const TopologyFacts full = topology_facts(fat_tree(18, 36, 1)), tapered = topology_facts(fat_tree(18, 32, 3));
  REQUIRE(full.bisection);
  REQUIRE(tapered.bisection);
  CHECK(full.bisection->bandwidth == Approx(72 * 25e9));
  CHECK(full.bisection->bandwidth == Approx(full.bisection->full));
  REQUIRE(full.levels.size() == 3);
  CHECK(*full.levels[0].oversubscription == Approx(100e9 / 25e9));
  CHECK(*full.levels[1].oversubscription == Approx(1));
  // 32 ports at 3:1 are 24 down and 8 up: three nodes a leaf.
  CHECK(tapered.levels[1].largest == 24);
  CHECK(*tapered.levels[1].oversubscription == Approx(3));
  CHECK(*tapered.levels[1].bandwidth_out == Approx(8 * 25e9));
  CHECK_FALSE(tapered.levels[2].oversubscription);
  CHECK(tapered.bisection->bandwidth == Approx(3 * 8 * 25e9));  // the uplinks of three of six leaves
  CHECK(tapered.bisection->exact);
}

TEST_CASE("a leaf's bandwidth out does not depend on how few devices are beyond it") {
  const TopologyFacts facts = topology_facts(fat_tree(3, 32, 1));  // leaves of 2 nodes and of 1
  CHECK(facts.levels[1].largest == 16);
  CHECK(*facts.levels[1].bandwidth_out == Approx(16 * 25e9));
}

TEST_CASE("diameters are those of the families, with the latency of the route") {
  const TopologyFacts torus = topology_facts(one(node_of("torus", 60, {5, 4, 3}, 6)));
  CHECK(torus.distance->diameter_hops == 2 + 2 + 1);
  CHECK(torus.distance->diameter_latency_s == Approx(5e-6));
  CHECK(torus.distance->exact);
  const TopologyFacts tree = topology_facts(fat_tree(4, 16, 1));
  CHECK(tree.distance->diameter_hops == 6);  // device, NIC, leaf, spine, leaf, NIC, device
  const TopologyFacts mesh = topology_facts(one(node_of("full-mesh", 8, {}, 7)));
  CHECK(mesh.distance->diameter_hops == 1);
  CHECK(mesh.distance->mean_hops == Approx(1));
}

TEST_CASE("shortest paths of a torus are the orders of its steps times the ways around") {
  // (2,2,2) away in 4x4x4: 6!/(2! 2! 2!) orders, both ways round in each dimension.
  CHECK(topology_facts(one(node_of("torus", 64, {4, 4, 4}, 6))).distance->shortest_paths == 90 * 8);
}

TEST_CASE("a sample of devices finds the diameter of a large torus and says that it sampled") {
  const TopologyFacts facts = topology_facts(one(node_of("torus", 4096, {16, 16, 16}, 6)));
  CHECK(facts.distance->diameter_hops == 24);
  CHECK_FALSE(facts.distance->exact);
  CHECK(facts.distance->sources < 100);
}

TEST_CASE("path diversity is the number of links of a direct network's device and of rails between nodes") {
  CHECK(topology_facts(one(node_of("full-mesh", 8, {}, 7))).levels[0].disjoint_paths == 7);
  CHECK(topology_facts(one(node_of("torus", 64, {4, 4, 4}, 6))).levels[0].disjoint_paths == 6);
  const TopologyFacts tree = topology_facts(fat_tree(4, 16, 1));
  CHECK(tree.levels[0].disjoint_paths == 1);
  CHECK(tree.levels.back().disjoint_paths == 8);
}

TEST_CASE("parts and cables are counted, bundles in full") {
  const TopologyFacts facts = topology_facts(fat_tree(4, 16, 1));  // a leaf per node, 8 cables up
  CHECK(facts.device_count == 32);
  CHECK(facts.nodes == 4);
  CHECK(facts.nics == 32);
  CHECK(facts.node_switches == 4);
  CHECK(facts.fabric_switches == 5);
  CHECK(facts.switch_ports == std::map<std::size_t, std::size_t>{{16, 4}, {32, 1}});
  CHECK(physical_switches(facts, 16) == 6);
  for (const LinkFacts& link : facts.links)
    if (link.name == "nic") CHECK(link.cables == 32 + 32);
}

namespace {

LinkFacts of_class(const TopologyFacts& facts, const char* name) {
  for (const LinkFacts& link : facts.links)
    if (link.name == name) return link;
  return {};
}

}  // namespace

TEST_CASE("trunks of a class of their own are counted cable by cable, as the hashed wiring has them") {
  ClusterSpec spec = nodes_of(with_nics(node_of("none", 1), 1), 16, "fat-tree");
  spec.fabric.levels = 3;
  spec.fabric.radix = 4;
  spec.fabric.link = link("trunk", 40e9, 1e-6);
  const TopologyFacts ideal = topology_facts(build_cluster(spec));
  spec.fabric.ecmp = "hash";
  const TopologyFacts hashed = topology_facts(build_cluster(spec));
  CHECK(of_class(ideal, "trunk").cables == 32);
  CHECK(of_class(hashed, "trunk").cables == 32);
  CHECK(of_class(ideal, "trunk").slowest == 40e9);
  CHECK(of_class(ideal, "trunk").fastest == 40e9);
  CHECK(hashed.switch_ports == std::map<std::size_t, std::size_t>{{4, 20}});
  CHECK(physical_switches(ideal, 4) == 20);
  REQUIRE(ideal.levels.size() == hashed.levels.size());
  for (std::size_t l = 0; l < ideal.levels.size(); ++l)
    CHECK(ideal.levels[l].disjoint_paths == hashed.levels[l].disjoint_paths);
}

TEST_CASE("several links between two devices are as many cables and as many disjoint paths") {
  const TopologyFacts four = topology_facts(one(node_of("full-mesh", 4, {}, 12)));
  CHECK(of_class(four, "fast").pairs == 6);
  CHECK(of_class(four, "fast").cables == 24);
  CHECK(of_class(four, "fast").fastest == 100e9);
  CHECK(four.levels[0].disjoint_paths == 12);
  const TopologyFacts star = topology_facts(one(node_of("switch", 8, {}, 18)));
  CHECK(of_class(star, "fast").cables == 8 * 18);
  CHECK(star.levels[0].disjoint_paths == 18);
  const TopologyFacts cube = topology_facts(one(node_of("hybrid-cube-mesh", 8, {}, 6)));
  CHECK(of_class(cube, "fast").cables == 8 * 6 / 2);
}

TEST_CASE("links of a memory pool and between regions are counted in full") {
  NodeModel node = switch_node(4, 4);
  node.device.host_link.emplace();
  node.device.host_link->link = "pcie";
  node.device.host_link->bandwidth_per_direction = BytesPerSecond(50e9);
  ClusterSpec spec = nodes_of(node, 4, "single-switch");
  MemoryPoolSpec pool;
  pool.nodes = 2;
  pool.link = link("cxl", 30e9, 200e-9);
  pool.links_per_node = 4;
  pool.expanders = 8;
  pool.capacity = Bytes(256e9);
  spec.memory_pools = {pool};
  CHECK(of_class(topology_facts(build_cluster(spec)), "cxl").cables == 2 * (2 * 4 + 8));
  ClusterSpec regions = nodes_of(switch_node(4, 4), 4, "wide-area");
  regions.fabric.options = parse_json(R"({"regions": 2, "links": 4})", "test");
  regions.fabric.link = link("wan", 50e9, 5e-3);
  regions.fabric.inside.push_back(nodes_of(switch_node(4, 4), 4, "single-switch").fabric);
  CHECK(of_class(topology_facts(build_cluster(regions)), "wan").cables == 4);
}

TEST_CASE("sides of other widths have no formula, and a side of two of a mesh is one direction") {
  // Six links: three along the side of two, one each way along that of four.
  NodeModel left_over = node_of("torus", 8, {2, 4});
  left_over.device.scale_up.emplace();
  left_over.device.scale_up->links = 6;
  const Cluster uneven = one(left_over);
  CHECK_FALSE(bisection_by_formula(uneven.fabric));
  CHECK(topology_facts(uneven).bisection->bandwidth == Approx(4 * 100e9));
  const Cluster mesh = one(node_of("mesh", 4, {2, 2}, 4));
  CHECK(mesh.fabric.domains()[0].bandwidth_per_device.value == Approx(2 * 100e9));
  const TopologyFacts facts = topology_facts(mesh);
  CHECK(facts.bisection->bandwidth == Approx(2 * 100e9));
  CHECK(facts.bisection->bandwidth / facts.bisection->full == Approx(0.5));
}

TEST_CASE("cables that several entries touch are slowed or failed once") {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 4, "fat-tree");
  spec.fabric.radix = 16;
  spec.fabric.link = link("trunk", 25e9, 1e-6);
  DegradedSpec all, some;
  all.link = some.link = "trunk";
  all.rate = 0.5;
  some.rate = 0;
  some.share = 0.25;
  spec.degraded = {all, all, some};
  const LinkFacts trunk = of_class(topology_facts(build_cluster(spec)), "trunk");
  CHECK(trunk.failed == 2 * 8);
  CHECK(trunk.slowed == 2 * (32 - 8));
  DegradedSpec leaf;
  leaf.at = "switch 0";
  leaf.rate = 0;
  DegradedSpec nic = leaf;
  nic.at = "nic 0";
  spec.degraded = {nic, nic};
  CHECK(of_class(topology_facts(build_cluster(spec)), "nic").failed == 2);
}

TEST_CASE("slowed and failed cables are counted one by one") {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 4, "fat-tree");
  spec.fabric.radix = 16;
  spec.fabric.link = link("trunk", 25e9, 1e-6);
  DegradedSpec some;
  some.link = "trunk";
  some.share = 0.25;
  some.rate = 0;
  spec.degraded = {some};
  const LinkFacts trunk = of_class(topology_facts(build_cluster(spec)), "trunk");
  CHECK(trunk.failed == 2 * 8);
  CHECK(trunk.slowed == 0);
  CHECK(trunk.cables == 32 - 8);
}

TEST_CASE("a node of a single device is no level, and one of several kinds of nodes is a level for each") {
  const TopologyFacts lone = topology_facts(
      build_cluster(nodes_of(with_nics(node_of("none", 1), 1), 4, "single-switch")));
  REQUIRE(lone.levels.size() == 1);
  CHECK(lone.levels[0].kind == DomainKind::network_switch);
  CHECK(lone.levels[0].largest == 4);
  ClusterSpec mixed = nodes_of(switch_node(8, 8), 2, "single-switch");
  mixed.pools.push_back({"mesh", with_nics(node_of("full-mesh", 4, {}, 3), 4), 3, {}, 1});
  const TopologyFacts facts = topology_facts(build_cluster(mixed));
  REQUIRE(facts.levels.size() == 3);
  CHECK(facts.levels[0].domains == 2);
  CHECK(facts.levels[1].kind == DomainKind::full_mesh);
  CHECK(facts.levels[1].domains == 3);
  CHECK(facts.levels[1].largest == 4);
}

TEST_CASE("what the data does not say is null and noted") {
  const TopologyFacts facts = topology_facts(one(node_of("switch", 8)));
  const Json json = topology_json(facts);
  for (const char* key : {"accelerators_W", "hosts_W", "links_at_full_rate_W", "switches_W"})
    CHECK(json["power"][key].is_null());
  CHECK(json["price"]["accelerators_USD"].is_null());
  CHECK(json["notes"].size() >= 4);
}

TEST_CASE("a single device has levels, distance and bisection of nothing") {
  const TopologyFacts facts = topology_facts(one(node_of("none", 1)));
  CHECK_FALSE(facts.distance);
  CHECK_FALSE(facts.bisection);
  CHECK(topology_json(facts)["diameter"].is_null());
  CHECK_FALSE(topology_text(facts).empty());
}

TEST_CASE("the bisection of a torus of routers is 2 N/k cables across its longest side, exactly") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 32, "torus");
  spec.fabric.options = parse_json(R"({"dimensions": [4, 8], "terminals_per_router": 4})", "test");
  const TopologyFacts torus = topology_facts(build_cluster(spec));
  CHECK(torus.bisection->bandwidth == Approx(2 * 32 / 8 * 25e9));
  CHECK(torus.bisection->exact);
  spec.fabric.kind = "mesh";
  const TopologyFacts mesh = topology_facts(build_cluster(spec));
  CHECK(mesh.bisection->bandwidth == Approx(32 / 8 * 25e9));
  CHECK(mesh.bisection->exact);
  spec.fabric.kind = "torus";
  spec.fabric.options["dimensions"] = {3, 11};  // 33 routers, one without nodes
  CHECK_FALSE(topology_facts(build_cluster(spec)).bisection->exact);
}

TEST_CASE("the bisection of a lattice of routers with an odd longest side is that of the same lattice of devices") {
  for (const char* kind : {"torus", "mesh"})
    for (const std::vector<int>& sizes : {std::vector<int>{3, 5}, {5, 4}, {3, 3, 3}, {3, 5, 4}}) {
      int routers = 1;
      for (int size : sizes) routers *= size;
      ClusterSpec spec = nodes_of(with_nics(node_of("none", 1), 1), routers, kind);
      spec.pools[0].node.nics->link = link("nic", 1e13, 2e-6);
      spec.fabric.link = link("cable", 1e9, 2e-6);
      spec.fabric.options = {{"dimensions", sizes}};
      const auto facts = topology_facts(build_cluster(spec)).bisection;
      const int directions = 2 * static_cast<int>(sizes.size());
      const auto devices = topology_facts(one(node_of(kind, routers, sizes, directions))).bisection;
      INFO(kind << " " << routers << ": " << facts->note);
      CHECK(facts->bandwidth / 1e9 == Approx(devices->bandwidth / 100e9));
      CHECK(facts->exact);
    }
}
