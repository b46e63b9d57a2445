// CXL memory behind several hosts: paths, latency of an access, who shares which link, and what is refused.
#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/pooled.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Four nodes of four devices with 50 GB/s to their host; two nodes share 4 expanders of 20 GB/s behind links of 30 GB/s.
ClusterSpec pooled() {
  ClusterSpec spec = nodes_of(with_host_links(switch_node(4, 4), 50e9), 4, "single-switch");
  MemoryPoolSpec pool = memory_of_two_nodes(link("cxl", 30e9, 200e-9), 4, 256e9);
  pool.links_per_node = 2;
  pool.expander_bandwidth = BytesPerSecond(20e9);
  pool.switch_latency = Seconds(80e-9);
  spec.memory_pools = {pool};
  return spec;
}

RoutedPattern to_memory(const Cluster& cluster, std::vector<std::size_t> devices) {
  std::vector<Flow> flows;
  for (std::size_t d : devices)
    flows.push_back({cluster.fabric.vertex_of(DeviceId(d)), cluster.memory_pool(DeviceId(d))->place, 1, 0, 1});
  return route_pattern(cluster.fabric, *cluster.router, flows);
}

double rate(const Cluster& cluster, std::vector<std::size_t> devices) {
  return 1 / to_memory(cluster, std::move(devices)).bottleneck;
}

}  // namespace

TEST_CASE("one access goes over host link, CXL link and switch, and takes the latency of link and switch") {
  const Cluster cluster = build_cluster(pooled());
  CHECK(cluster.memory_pools.size() == 2);
  CHECK(cluster.memory_pools[0].capacity.value == 4 * 256e9);
  CHECK(to_memory(cluster, {0}).latency.value == Approx(280e-9));
  CHECK(to_memory(cluster, {0}).loads.size() == 4);  // device, PCIe switch with the NIC, host, CXL switch, memory
}

TEST_CASE("a device is held by its host link, a node by its CXL links, two nodes by the expanders") {
  const Cluster cluster = build_cluster(pooled());
  CHECK(rate(cluster, {0}) == Approx(50e9));
  CHECK(rate(cluster, {0, 1}) == Approx(60e9 / 2));
  CHECK(rate(cluster, {0, 1, 4, 5}) == Approx(80e9 / 4));
  CHECK(rate(cluster, {0, 8}) == Approx(50e9));  // of different pools
}

TEST_CASE("without interleaving devices use one expander each, in turn, and share it where they are more") {
  ClusterSpec spec = pooled();
  spec.memory_pools[0].interleaved = false;
  const Cluster cluster = build_cluster(spec);
  CHECK(cluster.memory_pools.size() == 8);
  CHECK(cluster.memory_pools[0].capacity.value == 256e9);
  CHECK(rate(cluster, {0}) == Approx(20e9));
  CHECK(rate(cluster, {0, 1}) == Approx(20e9));
  CHECK(rate(cluster, {0, 4}) == Approx(10e9));  // devices 0 and 4 use expander 0
}

TEST_CASE("a host reaches its memory too, and network traffic does not go over the pool") {
  const Cluster cluster = build_cluster(pooled());
  const Flow f{cluster.memory_pools[0].place, cluster.host_of[0], 1, 0, 1};
  const RoutedPattern r = route_pattern(cluster.fabric, *cluster.router, {&f, 1});
  CHECK(r.loads.size() == 2);
  CHECK(1 / r.bottleneck == Approx(60e9));
  const Flow across{cluster.fabric.vertex_of(DeviceId(std::size_t{0})),
                    cluster.fabric.vertex_of(DeviceId(std::size_t{4})), 1, 0, 1};
  CHECK(1 / route_pattern(cluster.fabric, *cluster.router, {&across, 1}).bottleneck == Approx(25e9));
}

TEST_CASE("pools that cannot be are refused") {
  ClusterSpec spec = pooled();
  spec.memory_pools[0].nodes = 3;
  CHECK(fault_of(spec).pointer == "/memory_pools/0/nodes");
  spec = pooled();
  spec.memory_pools[0].pool = 1;
  CHECK(fault_of(spec).pointer == "/memory_pools/0/pool");
  spec = pooled();
  spec.memory_pools.push_back(spec.memory_pools[0]);
  CHECK(fault_of(spec).pointer == "/memory_pools/1/pool");
  spec = pooled();
  spec.pools[0].node.device.host_link.reset();
  CHECK(fault_of(spec).pointer == "/pools/0/node/device/host_link/bandwidth_per_direction");
}

TEST_CASE("a failure on the only way to memory is refused, and a failed NIC is none") {
  const auto failed = [](const char* place, double rate) {
    ClusterSpec spec = pooled();
    DegradedSpec failure;
    failure.at = place;
    failure.rate = rate;
    spec.degraded = {failure};
    return spec;
  };
  for (const char* place : {"memory 0", "host 0", "switch 1"}) {  // of the first two nodes; switch 0 is the network's
    INFO(place);
    const Fault fault = fault_of(failed(place, 0));
    CHECK(fault.pointer == "/degraded");
    CHECK_THAT(fault.found, Catch::Contains("device 0, 1, 2, 3") && Catch::Contains("cut off from memory"));
  }
  for (double rate : {0.0, 0.5}) {
    const Cluster cluster = build_cluster(failed("nic 0", rate));
    CHECK(to_memory(cluster, {0}).latency.value == Approx(280e-9));
    CHECK(::rate(cluster, {0}) == Approx(50e9));
    const Flow out{cluster.fabric.vertex_of(DeviceId(std::size_t{0})),
                   cluster.fabric.vertex_of(DeviceId(std::size_t{4})), 1, 0, 1};
    const RoutedPattern around = route_pattern(cluster.fabric, *cluster.router, {&out, 1});
    CHECK(1 / around.bottleneck == Approx(rate == 0 ? 25e9 : 12.5e9));
  }
}
