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

TEST_CASE("a device's links that do not divide among its neighbours are a degree that does not exist") {
  const auto fault = [](const char* kind, int devices, std::vector<int> dimensions, int links) {
    return fault_of(nodes_of(node_of(kind, devices, std::move(dimensions), links), 1, "none"));
  };
  const std::string place = "/pools/0/node/scale_up/links_per_device";
  for (int links : {3, 10}) {
    CHECK(fault("full-mesh", 8, {}, links).pointer == place);
    CHECK(fault("full-mesh", 8, {}, links).found == std::to_string(links));
  }
  CHECK(fault("full-mesh", 8, {}, 3).expected == "a multiple of 7: as many links to each of 7 peers");
  CHECK(fault("full-mesh", 8, {}, 14).pointer == "built");
  CHECK(fault("hypercube", 16, {}, 3).pointer == place);
  CHECK(fault("hypercube", 16, {}, 8).pointer == "built");
  CHECK(fault("torus", 8, {2, 2, 2}, 5).pointer == place);
  CHECK(fault("torus", 8, {2, 2, 2}, 3).pointer == "built");  // one to each of three neighbours
  CHECK(fault("torus", 8, {2, 4}, 2).pointer == place);
  CHECK(fault("ring", 8, {}, 1).pointer == place);
  CHECK(fault("ring", 2, {}, 1).pointer == "built");
  CHECK(fault("mesh", 8, {2, 4}, 3).pointer == place);
  CHECK(fault("ladder", 8, {}, 1).pointer == place);
  CHECK(fault("ladder", 2, {}, 1).pointer == "built");
  NodeModel of_eight = node_of("full-mesh", 4);  // a part of a machine: links to absent peers stay unused
  of_eight.device.scale_up.emplace();
  of_eight.device.scale_up->links = 7;
  CHECK(fault_of(nodes_of(of_eight, 1, "none")).pointer == "built");
  NodeModel custom = node_of("custom", 2, {}, 4);
  custom.scale_up.options = parse_json(R"({"links": [[0, 1]]})", "test");
  CHECK(fault_of(nodes_of(custom, 1, "none")).pointer == place);
}

TEST_CASE("sizes are refused where a family has none") {
  for (const char* kind : {"switch", "full-mesh", "ring", "hypercube", "ladder", "hybrid-cube-mesh"}) {
    INFO(kind);
    const int links = std::string(kind) == "hybrid-cube-mesh" ? 6 : 0;
    const Fault fault = fault_of(nodes_of(node_of(kind, 8, {4, 2}, links), 1, "none"));
    CHECK(fault.pointer == "/pools/0/node/scale_up/dimensions");
    CHECK(fault.found == "4 x 2");
  }
}

TEST_CASE("an oversubscription that no leaf switch can have is refused") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 4, "fat-tree");
  spec.fabric.radix = 8;
  for (double ratio : {1e9, 16.0, 1.0 / 16}) {
    spec.fabric.oversubscription = ratio;
    CHECK(fault_of(spec).pointer == "/fabric/oversubscription");
  }
  spec.fabric.oversubscription = 7;
  CHECK(fault_of(spec).pointer == "built");
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

TEST_CASE("an option that a family does not know is answered with those that it does") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 4, "hyperx");
  spec.fabric.options = {{"shape", 4}};
  const Fault fault = fault_of(spec);
  CHECK(fault.pointer == "/fabric/options/shape");
  for (const char* known : {"dimensions", "terminals_per_router", "pxn", "in_network_reduction"})
    CHECK_THAT(fault.expected, Catch::Contains(known));
}

TEST_CASE(
    "a router with too few terminals for a NIC or a gateway is told by the option, and what needs them is named") {
  ClusterSpec spec = nodes_of(with_nics(node_of("switch", 1), 2), 4, "hyperx");
  spec.fabric.radix = 40;
  spec.fabric.options = parse_json(R"({"dimensions": [8]})", "test");
  CHECK(fault_of(spec).pointer == "/fabric/options/terminals_per_router");
  CHECK_THAT(fault_of(spec).expected, Catch::Contains("at least 2 ports") && Catch::Contains("device"));
  ClusterSpec regions = nodes_of(switch_node(4, 4), 4, "wide-area");
  regions.fabric.link = link("wan", 125e9, 5e-3);  // five cables of a NIC
  regions.fabric.inside.push_back(spec.fabric);
  CHECK(fault_of(regions).pointer == "/fabric/inside/0/options/terminals_per_router");
  CHECK_THAT(fault_of(regions).expected, Catch::Contains("at least 5 ports") && Catch::Contains("gateway"));
}

TEST_CASE("options of a wiring are refused also where a node has one device and no links") {
  ClusterSpec spec = nodes_of(node_of("torus", 1, {1}), 1, "none");
  spec.pools[0].node.scale_up.options = {{"twisted", true}};
  CHECK(fault_of(spec).pointer == "/pools/0/node/scale_up/options/twisted");
}

TEST_CASE("cables between switches are as the NICs' own, and where these differ the fabric says what they are") {
  NodeModel slow = switch_node(4, 4);
  slow.nics->link = link("slow", 5e9, 2e-6);
  for (bool slow_first : {false, true})
    for (const char* kind : {"fat-tree", "dragonfly", "single-switch"}) {
      ClusterSpec spec = nodes_of(switch_node(4, 4), 8, kind);
      spec.pools.push_back({"b", slow, 8, {}, 1});
      if (slow_first) std::swap(spec.pools[0], spec.pools[1]);
      INFO(spec.name);
      const bool one_switch = std::string(kind) == "single-switch";
      CHECK(fault_of(spec).pointer == (one_switch ? "built" : "/fabric/link"));
      if (!one_switch) CHECK_THAT(fault_of(spec).found, Catch::Contains("nic and slow"));
      spec.fabric.link = link("trunk", 25e9, 1e-6);
      CHECK(fault_of(spec).pointer == "built");
    }
}

TEST_CASE("a device is slow once") {
  ClusterSpec spec = nodes_of(switch_node(8, 8), 1, "none");
  spec.pools[0].slow_factor = 0.5;
  spec.pools[0].slow_devices = {1, 3, 1};
  CHECK(fault_of(spec).pointer == "/pools/0/slow_devices/2");
}

TEST_CASE("an optical link on a node of one device joins nothing and is no fault") {
  ClusterSpec spec = nodes_of(node_of("torus", 1), 1, "none");
  spec.pools[0].node.scale_up.link.reset();
  spec.pools[0].node.scale_up.optical_link = link("mirrors", 50e9, 0);
  CHECK(fault_of(spec).pointer == "built");
}

TEST_CASE("sizes whose product is more than 32 bits hold are refused, not wrapped") {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 4, "hyperx");
  spec.fabric.options = parse_json(R"({"dimensions": [65536, 65536], "terminals_per_router": 4})", "test");
  CHECK(fault_of(spec).pointer == "/fabric/options/dimensions");
}
