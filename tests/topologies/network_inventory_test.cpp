// Switches, NICs and cables of a fabric, counted by hand, with their power and price.
#include "topologies/network_inventory.hpp"

#include <map>

#include <catch2/catch.hpp>

#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

NetworkPart part(const char* name, const char* kind, std::optional<int> ports, double watts, double dollars) {
  NetworkPart made;
  made.name = name;
  made.kind = kind;
  made.ports = ports;
  made.power = Watts(watts);
  made.price = Dollars(dollars);
  made.as_of = "test";
  return made;
}

// NICs of the fixture, with parts: switches of 8 ports.
NodeModel equipped(int devices, int nics) {
  NodeModel node = switch_node(devices, nics);
  node.nics->link.network_switch = part("eight", "switch", 8, 100, 5000);
  node.nics->link.adapter = part("card", "nic", {}, 10, 500);
  node.nics->link.cable = part("fibre", "cable", {}, 2, 50);
  return node;
}

std::vector<NetworkItem> network_of(const ClusterSpec& spec) {
  std::vector<NetworkItem> network;
  build_cluster(spec, network);
  return network;
}

std::map<std::string, double> counts(const ClusterSpec& spec) {
  std::map<std::string, double> all;
  for (const NetworkItem& item : network_of(spec))
    all[item.kind + " " + (item.part.empty() ? "of " + item.link : item.part)] += item.count;
  return all;
}

ClusterSpec tree(NodeModel node, int nodes, int radix, int levels, const char* ecmp) {
  ClusterSpec spec = nodes_of(std::move(node), nodes, "fat-tree");
  spec.fabric.radix = radix;
  spec.fabric.levels = levels;
  spec.fabric.ecmp = ecmp;
  return spec;
}

using Counts = std::map<std::string, double>;

}  // namespace

TEST_CASE("a two-level tree of 8-port switches has as many as one counts, spread ideally or wired one by one") {
  // 8 nodes x 4 NICs = 32 ports on 8 leaves of 4 down and 4 up; 32 uplinks on 4 spines.
  for (const char* ecmp : {"ideal", "hash"}) {
    const ClusterSpec spec = tree(equipped(4, 4), 8, 8, 2, ecmp);
    CHECK(counts(spec) == Counts{{"switch eight", 12}, {"nic card", 32}, {"cable fibre", 64}});
    CHECK(network_power(network_of(spec)).value == Approx(12 * 100 + 32 * 10 + 64 * 2));
  }
}

TEST_CASE("a three-level tree counts the switches and cables of every level") {
  // 16 nodes x 4 NICs on 16 leaves; pods of 4 leaves, each with 4 aggregation switches; 64 cables up, to 8 cores.
  for (const char* ecmp : {"ideal", "hash"}) {
    const ClusterSpec spec = tree(equipped(4, 4), 16, 8, 3, ecmp);
    const double cores = ecmp[0] == 'i' ? 8 : 16;  // wired one by one each core has a port of every pod: half used here
    CHECK(counts(spec) == Counts{{"switch eight", 16 + 16 + cores}, {"nic card", 64}, {"cable fibre", 3 * 64}});
  }
}

TEST_CASE("a rail-optimized tree has a leaf for each rail that nodes of a group have") {
  // Four nodes of four NICs on four leaves, four nodes of one NIC on a fifth; 20 uplinks on 3 spines.
  ClusterSpec spec = tree(equipped(4, 4), 4, 8, 2, "ideal");
  spec.pools.push_back({"b", equipped(4, 1), 4, {}, 1});
  spec.fabric.rail_optimized = true;
  CHECK(counts(spec) == Counts{{"switch eight", 5 + 3}, {"nic card", 20}, {"cable fibre", 40}});
  for (const char* ecmp : {"ideal", "hash"}) {  // on three levels a group stays in one pod
    spec.fabric.levels = 3;
    spec.fabric.ecmp = ecmp;
    const Cluster cluster = build_cluster(spec);
    const auto flow = Flow{cluster.fabric.vertex_of(DeviceId(std::size_t{0})),
                           cluster.fabric.vertex_of(DeviceId(std::size_t{13})), 1, 0, 1};
    CHECK(route_pattern(cluster.fabric, *cluster.router, {&flow, 1}).loads.size() == 6);
  }
}

TEST_CASE("one switch that blocks nobody, for more NICs than a part has ports, is a tree of such parts") {
  CHECK(counts(nodes_of(equipped(4, 4), 5, "single-switch"))["switch eight"] == 8);  // 20 NICs: 5 leaves, 3 spines
  CHECK(counts(nodes_of(equipped(4, 4), 2, "single-switch"))["switch eight"] == 1);
  CHECK(counts(nodes_of(equipped(4, 4), 16, "single-switch"))["switch eight"] ==
        counts(tree(equipped(4, 4), 16, 8, 3, "ideal"))["switch eight"]);
}

TEST_CASE("a switch that a fabric names has the ports that its radix asks for") {
  ClusterSpec spec = tree(equipped(4, 4), 8, 16, 2, "ideal");
  CHECK(fault_of(spec).pointer == "built");
  spec.fabric.network_switch = part("eight", "switch", 8, 100, 5000);
  CHECK(fault_of(spec).pointer == "/fabric/radix");
  CHECK(fault_of(spec).expected == "at most the 8 ports of the switch eight");
  spec.fabric.radix = 8;
  CHECK(fault_of(spec).pointer == "built");
}

TEST_CASE("several NICs of a device are as many cards, cables and ports") {
  CHECK(counts(nodes_of(equipped(2, 8), 2, "single-switch")) ==
        Counts{{"switch eight", 6}, {"nic card", 16}, {"cable fibre", 16}});
}

TEST_CASE("a fabric may name switches and cables of its own, NICs their cards and cables") {
  ClusterSpec spec = tree(equipped(4, 4), 8, 8, 2, "ideal");
  spec.fabric.network_switch = part("other", "switch", 8, 200, 1);
  spec.fabric.cable = part("long", "cable", {}, 5, 1);
  spec.pools[0].node.nics->adapter = part("offload", "nic", {}, 70, 1);
  spec.pools[0].node.nics->cable = part("copper", "cable", {}, 0, 1);
  CHECK(counts(spec) == Counts{{"switch other", 12}, {"nic offload", 32}, {"cable copper", 32}, {"cable long", 32}});
}

TEST_CASE("parts of one name with other figures are counted apart") {
  ClusterSpec spec = tree(equipped(4, 4), 8, 8, 2, "ideal");
  spec.fabric.cable = part("fibre", "cable", {}, 3, 50);
  double watts = 0;
  for (const NetworkItem& item : network_of(spec))
    if (item.kind == "cable") watts += item.power->value * item.count;
  CHECK(watts == Approx(32 * 2 + 32 * 3));
}

TEST_CASE("NICs whose power is part of the hosts' are not counted twice") {
  NodeModel node = equipped(4, 4);
  node.host_power = Watts(1000);
  CHECK(network_power(network_of(tree(node, 8, 8, 2, "ideal"))).value == Approx(12 * 100 + 64 * 2));
}

TEST_CASE("parts that are not named stay unknown, and one node alone has no network") {
  const ClusterSpec spec = nodes_of(switch_node(4, 4), 2, "single-switch");
  for (const NetworkItem& item : network_of(spec)) {
    CHECK(item.part.empty());
    CHECK_FALSE(item.power);
    CHECK_FALSE(item.price);
  }
  CHECK(counts(spec)["nic of nic"] == 8);
  CHECK(network_of(nodes_of(equipped(4, 4), 1, "none")).empty());
}

TEST_CASE("every fibre of a NIC goes to an optical switch of its own, and regions have gateways and wavelengths") {
  ClusterSpec optical = nodes_of(equipped(4, 4), 4, "optical-circuits");
  optical.fabric.link = link("light", 25e9, 1e-7);
  optical.fabric.link->reconfiguration_time = Seconds(1e-2);
  optical.fabric.link->ports = 16;
  optical.fabric.link->network_switch = part("mirrors", "switch", 16, 50, 1);
  optical.fabric.options = {{"cables_per_nic", 3}};
  CHECK(counts(optical) == Counts{{"switch mirrors", 3}, {"nic card", 16}, {"cable fibre", 8}});  // a module each
  ClusterSpec wide = nodes_of(equipped(4, 4), 4, "wide-area");
  wide.fabric.link = link("wave", 10e9, 1e-3);
  wide.fabric.link->cable = part("modules", "cable", {}, 40, 1);
  wide.fabric.options = {{"regions", 2}, {"links", 3}};
  FabricSpec inside;
  inside.kind = "single-switch";
  wide.fabric.inside = {inside};
  const auto found = counts(wide);
  CHECK(found.at("cable modules") == 3);
  CHECK(found.at("switch of wave") == 2);    // the gateways
  CHECK(found.at("switch eight") == 2 * 4);  // 8 NICs and a gateway of two cables each: 3 leaves and a spine of 8 ports
}

TEST_CASE("every shipped part of a network says what it is and where its figures come from") {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  for (const std::string& name : library.names("hardware/network")) {
    INFO(name);
    const auto shipped = load_part<NetworkPart>("hardware/network", name, library);
    CHECK(shipped.name == name);
    const auto cites = [&](const char* pointer) {
      const auto at = shipped.sources.find(pointer);
      return at != shipped.sources.end() && at->is_string() && !at->get<std::string>().empty();
    };
    CHECK((cites("") || cites("/power")));
    if (shipped.power) CHECK((cites("/power") && shipped.power->value < 1e4));
    if (shipped.price) CHECK((cites("/price") && !shipped.as_of.empty()));
    CHECK((shipped.power || shipped.price || shipped.ports));
  }
}

TEST_CASE("a part in the place of another kind is refused where it stands") {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  const auto fault = [&](const char* text) {
    try {
      (void)read_spec<FabricSpec>(parse_json(text, "test"), "test", library);
    } catch (const SpecError& error) {
      return error.faults().at(0).pointer;
    }
    return std::string("read");
  };
  CHECK(fault(R"({"switch": "connectx-7"})") == "/switch");
  CHECK(fault(R"({"cable": "quantum-qm8700"})") == "/cable");
  CHECK(fault(R"({"switch": {"power": "1 kW"}})") == "/switch/ports");
  CHECK(fault(R"({"switch": {"ports": 64, "price": "1 USD"}})") == "/switch/as_of");
  CHECK(fault(R"({"switch": {"base": "quantum-qm8700", "power": "1 kW"}})") == "read");
}
