// PCIe trees: one link per device for peers and NIC, switches, host bridges.
#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Links of 100 GB/s and 1 us, NICs of 25 GB/s in slots of 60 GB/s.
NodeModel tree(int devices, int nics, std::vector<int> dimensions = {}, const char* options = "{}") {
  NodeModel node = with_nics(node_of("pcie", devices, std::move(dimensions)), nics);
  node.device.host_link.emplace();
  node.device.host_link->link = "slot";
  node.device.host_link->bandwidth_per_direction = BytesPerSecond(60e9);
  node.scale_up.options = parse_json(options, "test");
  return node;
}

RoutedPattern flows(const Cluster& cluster, const std::vector<std::pair<std::size_t, std::size_t>>& pairs) {
  std::vector<Flow> all;
  for (const auto& [a, b] : pairs)
    all.push_back({cluster.fabric.vertex_of(DeviceId(a)), cluster.fabric.vertex_of(DeviceId(b)), 1, 0, 1});
  return route_pattern(cluster.fabric, *cluster.router, all);
}

double load_of_widest(const Cluster& cluster, const RoutedPattern& pattern) {
  double most = 0;
  for (const LinkLoad& load : pattern.loads)
    if (cluster.fabric.link(load.link).bandwidth.value == 100e9) most = std::max(most, load.weight);
  return most;
}

}  // namespace

TEST_CASE("what a device sends to its peers and to its NIC leaves over its one PCIe link") {
  const Cluster cluster = build_cluster(nodes_of(tree(2, 2), 2, "single-switch"));
  const RoutedPattern all = flows(cluster, {{0, 1}, {0, 2}, {0, 3}});
  CHECK(load_of_widest(cluster, all) == 3);
  std::size_t cables = 0;
  for (const Link& link : cluster.fabric.links()) cables += link.bandwidth.value == 100e9;
  CHECK(cables == 2 * 4);  // four devices, a link each, both ways
}

TEST_CASE("devices that share a NIC share its slot") {
  const Cluster cluster = build_cluster(nodes_of(tree(4, 1), 2, "single-switch"));
  std::size_t slots = 0;
  for (const Link& link : cluster.fabric.links()) slots += link.bandwidth.value == 60e9;
  CHECK(slots == 2 * 2);
  CHECK(flows(cluster, {{0, 4}}).loads.size() == 6);  // device, bridge, NIC, switch, NIC, bridge, device
  CHECK(flows(cluster, {{0, 4}, {3, 7}}).bottleneck == Approx(2 / 25e9));
}

TEST_CASE("NICs hang on the PCIe switch of the first device that uses them") {
  const Cluster cluster = build_cluster(nodes_of(tree(8, 2, {2}), 2, "single-switch"));
  // Devices 0 and 1 are on the NIC's switch; 2 and 3 use it too and climb to the bridge and down.
  CHECK(flows(cluster, {{0, 8}}).loads.size() == 6);
  CHECK(flows(cluster, {{2, 8}}).loads.size() == 8);
  CHECK(flows(cluster, {{0, 8}}).latency.value == Approx(1e-6 + 4e-6 + 1e-6));
}

TEST_CASE("two host bridges are joined by the link between the processors, which all that crosses them shares") {
  const char* options = R"({"host_bridges": 2, "between_bridges": "50 GB/s", "bridge_latency": "0.5 us"})";
  const Cluster cluster = build_cluster(nodes_of(tree(8, 2, {2}, options), 1, "single-switch"));
  CHECK(flows(cluster, {{0, 1}}).latency.value == Approx(2e-6));  // one switch
  CHECK(flows(cluster, {{0, 2}}).latency.value == Approx(4e-6));  // two switches of one bridge
  const RoutedPattern across = flows(cluster, {{0, 4}});
  CHECK(across.latency.value == Approx(4.5e-6));
  CHECK(1 / across.bottleneck == Approx(50e9));
  CHECK(1 / flows(cluster, {{0, 4}, {2, 6}}).bottleneck == Approx(25e9));
  CHECK(1 / flows(cluster, {{0, 4}, {4, 0}}).bottleneck == Approx(50e9));
}

TEST_CASE("what leaves a socket shares the uplinks of its switches, also where one switch holds all of its devices") {
  const char* options = R"({"host_bridges": 2, "between_bridges": "400 GB/s"})";
  const auto across = [&](std::vector<int> dimensions) {
    const Cluster cluster = build_cluster(nodes_of(tree(8, 2, std::move(dimensions), options), 1, "single-switch"));
    return flows(cluster, {{0, 4}, {1, 5}, {2, 6}, {3, 7}});
  };
  for (int slots : {1, 2, 3, 4}) {  // so many devices share the fullest uplink, of 100 GB/s
    INFO(slots);
    CHECK(across({slots}).bottleneck == Approx(slots / 100e9));
    CHECK(across({slots}).latency.value == Approx(5e-6));
  }
  CHECK(across({}).bottleneck == Approx(1 / 100e9));  // no switches: four links of devices, or a quarter of 400 GB/s
  CHECK(across({}).latency.value == Approx(3e-6));
}

TEST_CASE("one PCIe switch for all devices of a node is its bridge: nothing else hangs above it") {
  const auto vertices = [](std::vector<int> dimensions) {
    return build_cluster(nodes_of(tree(4, 2, std::move(dimensions)), 1, "single-switch")).fabric.vertices().size();
  };
  CHECK(vertices({4}) == vertices({}));
  CHECK(vertices({2}) == vertices({}) + 2);
}

TEST_CASE("host bridges that cannot be are refused where they are wrong") {
  const auto pointer = [](const char* options) {
    return fault_of(nodes_of(tree(8, 2, {2}, options), 1, "single-switch")).pointer;
  };
  const std::string place = "/pools/0/node/scale_up/options/";
  CHECK(pointer(R"({"host_bridges": 3, "between_bridges": "50 GB/s"})") == place + "host_bridges");
  CHECK(pointer(R"({"host_bridges": 2})") == place + "between_bridges");
  CHECK(pointer(R"({"host_bridges": 2, "between_bridges": 50})") == place + "between_bridges");
  CHECK(pointer(R"({"between_bridges": "50 GB/s"})") == place + "host_bridges");
  CHECK(pointer(R"({"bridges": 2})") == place + "bridges");
}

TEST_CASE("memory behind the host of a PCIe tree is reached over the device's one link") {
  ClusterSpec spec = nodes_of(tree(2, 1), 2, "single-switch");
  MemoryPoolSpec pool;
  pool.nodes = 2;
  pool.link = link("cxl", 300e9, 200e-9);
  pool.capacity = Bytes(256e9);
  spec.memory_pools = {pool};
  const Cluster cluster = build_cluster(spec);
  const std::vector<Flow> both = {
      {cluster.fabric.vertex_of(DeviceId(std::size_t{0})), cluster.memory_pools[0].place, 1, 0, 1},
      {cluster.fabric.vertex_of(DeviceId(std::size_t{0})), cluster.fabric.vertex_of(DeviceId(std::size_t{1})), 1, 0,
       1}};
  CHECK(load_of_widest(cluster, route_pattern(cluster.fabric, *cluster.router, both)) == 2);
}
