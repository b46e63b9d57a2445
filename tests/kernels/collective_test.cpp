// Collectives on wired machines: closed forms of time and traffic.
#include "kernels/collectives/collective.hpp"

#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

TEST_CASE("a ring all-reduce moves 2(n-1)/n of the buffer over each link") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  CollectiveRequest request;
  request.bytes = Bytes(1e9);
  request.algorithm = "ring";
  for (std::size_t d = 0; d < 8; ++d) request.members.emplace_back(d);
  const CollectivePlan plan = plan_collective(cluster, request);
  REQUIRE(plan.steps.size() == 1);
  const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, plan.steps[0].flows);
  CHECK(routed.loads.size() == 16);
  for (const LinkLoad& load : routed.loads) CHECK(load.weight == Approx(2.0 * 7 / 8));
  CHECK(plan.steps[0].rounds == 14);
}

TEST_CASE("a ring over nodes uses every NIC alike") {
  for (int nics : {1, 2, 4, 8}) {
    const Cluster cluster = build_cluster(nodes_of(with_nics(node_of("switch", 8, {}, 8), nics), 4, "single-switch"));
    CollectiveRequest request;
    request.bytes = Bytes(1e9);
    request.algorithm = "ring";
    for (std::size_t d = 0; d < 32; ++d) request.members.emplace_back(d);
    const CollectivePlan plan = plan_collective(cluster, request);
    const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, plan.steps[0].flows);
    CHECK(1 / routed.bottleneck == Approx(25e9 * nics / (2.0 * 31 / 32)));
  }
}
