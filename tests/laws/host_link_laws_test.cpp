// NIC and CXL memory of a device meet on its one host link: rates by hand, as max-min sharing has them.
#include <catch2/catch.hpp>

#include "tests/sim/engine_fixture.hpp"
#include "tests/topologies/pooled.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Two nodes of two devices: host links of 30 GB/s, NICs of 25 GB/s each, a memory pool behind links of 100 GB/s per node.
Cluster machine() {
  ClusterSpec spec = nodes_of(with_host_links(switch_node(2, 2), 30e9), 2, "single-switch");
  spec.memory_pools = {memory_of_two_nodes(link("cxl", 100e9, 0), 4, 1e12)};
  return build_cluster(spec);
}

struct Pair {
  double memory_s = 0, network_s = 0;
};

// What ends when, of 3 GB between device 0 and memory and 1.5 GB from device 0 to the same place on the other node.
Pair together(bool to_memory, std::size_t sender) {
  const Cluster cluster = machine();
  Writer w(cluster);
  const VertexId device = cluster.fabric.vertex_of(DeviceId(std::size_t{0})), pool = cluster.memory_pools[0].place;
  const Flow memory = to_memory ? Flow{device, pool, 1, 0, 1} : Flow{pool, device, 1, 0, 1};
  const Flow network{cluster.fabric.vertex_of(DeviceId(sender)), cluster.fabric.vertex_of(DeviceId(sender + 2)), 1, 0,
                     1};
  const OpId a = w.transfer(w.on(0, Stream::copy), {memory}, 3e9);
  const OpId b = w.transfer(w.on(sender, Stream::data), {network}, 1.5e9);
  const Timeline t = run(simulate_flow, cluster, w.finish());
  return {end_of(t, a), end_of(t, b)};
}

}  // namespace

TEST_CASE("what a device sends to the network and to CXL memory shares its host link, half each, until one has ended") {
  const Pair both = together(true, 0);
  CHECK(both.network_s == Approx(1.5 / 15));               // half of 30 GB/s, less than its NIC's 25
  CHECK(both.memory_s == Approx(0.1 + (3 - 1.5) / 30.0));  // then the whole link
}

TEST_CASE("the other direction of a host link, and the host link of another device, are not disturbed") {
  const Pair reading = together(false, 0), beside = together(true, 1);
  for (const Pair& pair : {reading, beside}) {
    CHECK(pair.memory_s == Approx(3 / 30.0));
    CHECK(pair.network_s == Approx(1.5 / 25));
  }
}
