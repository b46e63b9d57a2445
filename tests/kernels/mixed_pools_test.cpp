// Collectives over nodes of different kinds: the order in which pools are listed means nothing, and the slowest member sets
// the pace.
#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/collective.hpp"
#include "sim/routes.hpp"
#include "tests/kernels/collective_requests.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

using K = CollectiveKind;

NodeModel node_over(const char* kind, const char* scale_up, int links, const char* nic, double rate, int nics) {
  NodeModel node = with_nics(node_of(kind, 8, {}, links), nics);
  node.name = scale_up;
  node.scale_up.link = link(scale_up, 100e9, 1e-6);
  node.nics->link = link(nic, rate, 2e-6);
  return node;
}

Cluster mixed(std::vector<NodeModel> nodes) {
  ClusterSpec spec = nodes_of(nodes.front(), 2, "single-switch");
  for (std::size_t i = 1; i < nodes.size(); ++i) spec.pools.push_back({"", nodes[i], 2, {}, 1});
  return build_cluster(spec);
}

}  // namespace

TEST_CASE("listing the same pools in another order changes no time") {
  const NodeModel dgx1 = node_over("hybrid-cube-mesh", "nvlink2", 6, "infiniband-edr-100", 12e9, 4),
                  a100 = node_over("switch", "nvlink3", 12, "infiniband-hdr-200", 24e9, 8),
                  h100 = node_over("switch", "nvlink4", 18, "infiniband-ndr-400", 48e9, 8),
                  mesh = node_over("full-mesh", "infinity-fabric-3", 7, "efa-400", 48e9, 8);
  for (const auto& [a, b] : {std::pair{dgx1, h100}, {a100, h100}, {a100, mesh}, {dgx1, mesh}}) {
    const Cluster one = mixed({a, b}), other = mixed({b, a});
    for (const auto& entry : collective_catalog())
      for (K kind : {K::all_reduce, K::reduce_scatter, K::all_gather, K::all_to_all, K::broadcast, K::reduce}) {
        if (!entry.value.supports(kind, make_group(one, request_of(kind, 32, 1, "auto").members))) continue;
        for (double bytes : {8e3, 1e9}) {
          INFO(a.name << " and " << b.name << ": " << entry.name << " "
                      << collective_names[static_cast<std::size_t>(kind)] << " of " << bytes << " bytes");
          const CollectiveRequest request = request_of(kind, 32, bytes, std::string(entry.name).c_str());
          CHECK(alone(one, plan_collective(one, request)) ==
                Approx(alone(other, plan_collective(other, request))).epsilon(1e-9));
        }
      }
  }
}

TEST_CASE("a ring over nodes with few NICs and nodes with many goes at the rate of the few") {
  const NodeModel few = node_over("switch", "nvlink2", 6, "infiniband-edr-100", 12e9, 4),
                  many = node_over("switch", "nvlink4", 18, "infiniband-ndr-400", 48e9, 8);
  for (const Cluster& cluster : {mixed({few, many}), mixed({many, few})}) {
    const CollectivePlan plan = plan_collective(cluster, request_of(K::all_reduce, 32, 1e9, "ring"));
    const double s_per_byte = route_pattern(cluster.fabric, *cluster.router, plan.steps.at(0).flows).bottleneck;
    CHECK(2 * 31.0 / 32 / s_per_byte == Approx(4 * 12e9));
  }
}

TEST_CASE("a group of two generations is launched as slowly as the slower does it") {
  const NodeModel slow = node_over("switch", "nvlink3", 12, "infiniband-hdr-200", 24e9, 8),
                  fast = node_over("switch", "nvlink4", 18, "infiniband-hdr-200", 24e9, 8);
  const auto small = [](const Cluster& cluster) {
    return alone(cluster, plan_collective(cluster, request_of(K::all_reduce, 32, 8, "ring")));
  };
  const double together = small(mixed({slow, fast}));
  CHECK(together == Approx(small(mixed({slow, slow}))));
  CHECK(together > small(mixed({fast, fast})));
}

TEST_CASE(
    "an idle pool changes nothing of those that communicate, and slower software beside a wider link still slows") {
  const NodeModel efa = node_over("switch", "nvlink5", 18, "efa-400", 48e9, 8),
                  hdr = node_over("switch", "nvlink3", 12, "infiniband-hdr-200", 24e9, 8);
  const auto time = [](const Cluster& cluster, std::size_t ranks, double bytes) {
    return alone(cluster, plan_collective(cluster, request_of(K::all_reduce, ranks, bytes, "ring")));
  };
  for (const double bytes : {1e3, 1e6, 1e9}) {
    CAPTURE(bytes);
    CHECK(time(mixed({efa, hdr}), 16, bytes) == Approx(time(mixed({efa, efa}), 16, bytes)));
    CHECK(time(mixed({efa, hdr}), 32, bytes) >= time(mixed({efa, efa}), 32, bytes) * (1 - 1e-12));
    CHECK(time(mixed({efa, hdr}), 32, bytes) >= time(mixed({hdr, hdr}), 32, bytes) * (1 - 1e-12));
  }
}
