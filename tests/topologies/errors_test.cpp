// Impossible wirings are refused with the place of the fault.
#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "tests/topologies/fixture.hpp"
#include "tests/topologies/reducing.hpp"

using namespace orrery;
using namespace orrery::testing;

TEST_CASE("torus dimensions must multiply to the devices") {
  const Fault fault = fault_of(nodes_of(node_of("torus", 16, {4, 3}, 4), 1, "none"));
  CHECK(fault.pointer == "/pools/0/node/scale_up/dimensions");
  CHECK(fault.found == "4 x 3 = 12");
}

TEST_CASE("an unknown family is quoted with the nearest known one") {
  Fault fault = fault_of(nodes_of(node_of("torsu", 4), 1, "none"));
  CHECK(fault.pointer == "/pools/0/node/scale_up/kind");
  CHECK(fault.found.find("torus") != std::string::npos);
  fault = fault_of(nodes_of(switch_node(8, 8), 2, "fat-tre"));
  CHECK(fault.pointer == "/fabric/kind");
  CHECK(fault.found.find("fat-tree") != std::string::npos);
}

TEST_CASE("several nodes need NICs and a fabric") {
  CHECK(fault_of(nodes_of(node_of("switch", 8), 2, "fat-tree")).pointer == "/pools/0/node/nics");
  CHECK(fault_of(nodes_of(switch_node(8, 8), 2, "none")).pointer == "/fabric/kind");
}

TEST_CASE("a switch radix that cannot join the nodes is refused") {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 200, "fat-tree");
  spec.fabric.radix = 8;
  CHECK(fault_of(spec).pointer == "/fabric/radix");
  spec.fabric.levels = 1;
  CHECK(fault_of(spec).pointer == "/fabric/radix");
}

TEST_CASE("a link without bandwidth is refused") {
  ClusterSpec spec = nodes_of(node_of("switch", 8), 1, "none");
  spec.pools[0].node.scale_up.link->bandwidth_per_direction = BytesPerSecond(0);
  CHECK(fault_of(spec).pointer == "/pools/0/node/scale_up/link");
}

TEST_CASE("a custom graph that leaves devices apart is refused") {
  NodeModel node = node_of("custom", 4);
  node.scale_up.options = parse_json(R"({"links": [[0, 1], [2, 3]]})", "test");
  CHECK(fault_of(nodes_of(node, 1, "none")).pointer == "/pools/0/node/scale_up/options");
  node.scale_up.options = parse_json(R"({"links": [[0, 1], [2, "x"]]})", "test");
  CHECK(fault_of(nodes_of(node, 1, "none")).pointer == "/pools/0/node/scale_up/options/links/1");
}

TEST_CASE("only a switch can reduce in the network") {
  NodeModel node = node_of("ring", 4);
  node.scale_up.in_network_reduction = true;
  CHECK(fault_of(nodes_of(node, 1, "none")).pointer == "/pools/0/node/scale_up/in_network_reduction");
}

TEST_CASE("in-network reduction is refused where no switch of the fabric can reduce") {
  ClusterSpec other = nodes_of(switch_node(4, 4), 4, "fat-tree");
  other.fabric.options = {{"in_network_reduction", true}};
  CHECK(fault_of(other).pointer == "/fabric/options/in_network_reduction");  // links of no such generation
  CHECK(fault_of(reducing(other)).pointer == "built");
  ClusterSpec circuits = reducing(nodes_of(switch_node(4, 4), 4, "optical-circuits"));
  circuits.fabric.link = link("mirrors", 25e9, 1e-6);
  CHECK(fault_of(circuits).pointer == "/fabric/options/in_network_reduction");
  ClusterSpec regions = nodes_of(switch_node(4, 4), 4, "wide-area");
  regions.fabric.options = parse_json(R"({"regions": 2})", "test");
  regions.fabric.link = link("wan", 50e9, 5e-3);
  regions.fabric.inside.push_back(reducing(nodes_of(switch_node(4, 4), 4, "single-switch")).fabric);
  CHECK(fault_of(regions).pointer == "/fabric/inside/0/options/in_network_reduction");
}

TEST_CASE("options that no family reads are refused, all at once, also where one node never meets a fabric") {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 1, "fat-tree");
  CHECK(fault_of(spec).pointer == "built");
  spec.fabric.options = {{"pxn", true}, {"foo", 1}, {"bar", 1}};
  CHECK(fault_of(spec).pointer == "/fabric/options/foo");
  CHECK_THROWS_WITH(build_cluster(spec), Catch::Contains("/fabric/options/bar"));
  spec.fabric.options = 5;
  CHECK(fault_of(spec).pointer == "/fabric/options");
  spec.fabric = nodes_of(switch_node(8, 8), 1, "none").fabric;
  spec.fabric.options = {{"radix", 5}};
  CHECK(fault_of(spec).pointer == "/fabric/options/radix");
  spec.fabric.kind = "wide-area";
  spec.fabric.options = Json();
  spec.fabric.inside.push_back(nodes_of(switch_node(8, 8), 1, "torus").fabric);
  CHECK(fault_of(spec).pointer == "built");
  spec.fabric.inside[0].options = {{"dimension", {2, 2}}};
  CHECK(fault_of(spec).pointer == "/fabric/inside/0/options/dimension");
  spec.fabric.kind = "single-switch";
  CHECK(fault_of(spec).pointer == "/fabric/inside");
}

TEST_CASE("options of a wiring are refused also where a node has one device and no links") {
  ClusterSpec spec = nodes_of(node_of("torus", 1, {1}), 1, "none");
  spec.pools[0].node.scale_up.options = {{"twisted", true}};
  CHECK(fault_of(spec).pointer == "/pools/0/node/scale_up/options/twisted");
}

TEST_CASE("a device is slow once") {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 1, "none");
  spec.pools[0].slow_factor = 0.5;
  spec.pools[0].slow_devices = {1, 3, 1};
  CHECK(fault_of(spec).pointer == "/pools/0/slow_devices/2");
}
