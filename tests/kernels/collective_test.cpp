// Collectives on wired machines: closed forms of time and traffic.
#include "kernels/collectives/collective.hpp"

#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/user_schedule.hpp"
#include "sim/routes.hpp"
#include "tests/kernels/collective_requests.hpp"
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

namespace {

double software(const CollectivePlan& plan) {
  double total = 0;
  for (const CollectiveStep& step : plan.steps) total += step.setup.value;
  return total;
}

}  // namespace

TEST_CASE("a ring all-reduce on a switch takes 2(n-1) latencies and 2(n-1)/n of the buffer at the link's rate") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  const CollectivePlan plan = plan_collective(cluster, request_of(CollectiveKind::all_reduce, 8, 1e8, "ring"));
  const double wires = 2.0 * 7 / 8 * 1e8 / (100e9 * plan.steps[0].efficiency);
  CHECK(alone(cluster, plan) == Approx(software(plan) + 14 * 2e-6 + wires));
}

TEST_CASE("all dimensions of a torus share an all-reduce: 2(n-1)/n of the buffer over all links") {
  const Cluster cluster = build_cluster(nodes_of(node_of("torus", 64, {4, 4, 4}, 6), 1, "none"));
  const CollectivePlan plan = plan_collective(cluster, request_of(CollectiveKind::all_reduce, 64, 1e9, "torus-rings"));
  const double wires = 2.0 * 63 / 64 * 1e9 / (6 * 100e9 * plan.steps[0].efficiency);
  CHECK(alone(cluster, plan) == Approx(software(plan) + 3 * 2 * 3 * 1e-6 + wires));
}

TEST_CASE("step and flow detail take the same time where all rounds have equal flows") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 6), 1, "none"));
  for (const char* algorithm : {"ring", "direct"}) {
    const CollectiveKind kind = std::string(algorithm) == "ring" ? CollectiveKind::all_reduce
                                                                 : CollectiveKind::all_to_all;
    CollectiveRequest request = request_of(kind, 6, 3e7, algorithm);
    const double flow = alone(cluster, plan_collective(cluster, request));
    request.detail = CollectiveDetail::step;
    CHECK(alone(cluster, plan_collective(cluster, request)) == Approx(flow).epsilon(1e-12));
  }
}

TEST_CASE("the choice says what it weighed, and large all-reduces leave the low-latency protocol") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  CHECK(plan_collective(cluster, request_of(CollectiveKind::all_reduce, 8, 1e3, "auto")).protocol == "ll");
  const CollectivePlan large = plan_collective(cluster, request_of(CollectiveKind::all_reduce, 8, 1e9, "auto"));
  CHECK(large.protocol == "simple");
  CHECK(large.why.find("ring/ll ") != std::string::npos);
}

TEST_CASE("in-network reduction reaches a bus bandwidth above what a ring can") {
  NodeModel node = node_of("switch", 8);
  node.scale_up.in_network_reduction = true;
  const Cluster cluster = build_cluster(nodes_of(node, 1, "none"));
  const auto busbw = [&](const char* algorithm) {
    return 2.0 * 7 / 8 * 1e10 /
           alone(cluster, plan_collective(cluster, request_of(CollectiveKind::all_reduce, 8, 1e10, algorithm)));
  };
  CHECK(busbw("nvls") > 1.2 * busbw("ring"));
}

TEST_CASE("an unknown algorithm is refused with the nearest known one") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 4), 1, "none"));
  CHECK_THROWS_WITH(plan_collective(cluster, request_of(CollectiveKind::all_reduce, 4, 1, "rign")),
                    Catch::Contains("\"ring\""));
}

TEST_CASE("bridged pairs that meet over PCIe run one ring, and a pair alone rings over its bridge") {
  NodeModel pair = with_nics(node_of("full-mesh", 2), 2);
  pair.nics->link.name = "pcie4-x16";
  const Cluster cluster = build_cluster(nodes_of(pair, 2, "single-switch"));
  const CollectivePlan four = plan_collective(cluster, request_of(CollectiveKind::all_reduce, 4, 1e9, "auto"));
  CHECK(four.algorithm == "ring");
  CHECK(four.steps.at(0).flows.size() == 4);
  CHECK(four.steps.at(0).efficiency * 0.914 == Approx(0.75).margin(0.04));
  CHECK(plan_collective(cluster, request_of(CollectiveKind::all_reduce, 2, 1e9, "auto")).algorithm == "ring");
}

TEST_CASE("a schedule of the caller's own costs what the same schedule of the catalog does") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 6), 1, "none"));
  CollectiveRequest request = request_of(CollectiveKind::all_reduce, 6, 1e8, "ring");
  request.protocol = "simple";
  const double catalog = alone(cluster, plan_collective(cluster, request));
  auto user = std::make_shared<UserSchedule>();
  user->name = "mine";
  user->schedule = find(collective_catalog(), "ring")
                       ->value.schedule(request.kind, make_group(cluster, request.members));
  request.user = user;
  for (CollectiveDetail detail : {CollectiveDetail::flow, CollectiveDetail::step}) {
    request.detail = detail;
    CHECK(alone(cluster, plan_collective(cluster, request)) == Approx(catalog).epsilon(1e-9));
  }
  request.members.pop_back();
  CHECK_THROWS_WITH(plan_collective(cluster, request), Catch::Contains("over 5 ranks"));
}

TEST_CASE("a protocol can be asked for, and one that the algorithm lacks is refused") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  CollectiveRequest request = request_of(CollectiveKind::all_reduce, 8, 1e9, "ring");
  request.protocol = "ll";
  CHECK(plan_collective(cluster, request).protocol == "ll");
  request.algorithm = "halving-doubling";
  CHECK_THROWS_WITH(plan_collective(cluster, request), Catch::Contains("protocol \"ll\""));
}

TEST_CASE("among more than two, send_recv sends from each to the next, all at once") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  const CollectivePlan ring = plan_collective(cluster, request_of(CollectiveKind::send_receive, 8, 1e9, "auto"));
  REQUIRE(ring.steps.size() == 1);
  CHECK(ring.steps[0].rounds == 1);
  const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, ring.steps[0].flows);
  CHECK(routed.loads.size() == 16);  // every device's link, both ways
  for (const LinkLoad& load : routed.loads) CHECK(load.weight == Approx(1));
  const CollectivePlan pair = plan_collective(cluster, request_of(CollectiveKind::send_receive, 2, 1e9, "auto"));
  CHECK(alone(cluster, ring) == Approx(alone(cluster, pair)));
}
