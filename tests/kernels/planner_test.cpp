// A planner remembers wiring; its plans are those made anew.
#include "kernels/collectives/planner.hpp"

#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

void check_equal(const CollectivePlan& a, const CollectivePlan& b) {
  CHECK(a.algorithm == b.algorithm);
  CHECK(a.protocol == b.protocol);
  REQUIRE(a.steps.size() == b.steps.size());
  for (std::size_t i = 0; i < a.steps.size(); ++i) {
    const CollectiveStep &x = a.steps[i], &y = b.steps[i];
    CHECK(x.bytes == y.bytes);
    CHECK(x.efficiency == y.efficiency);
    CHECK(x.rounds == y.rounds);
    CHECK(x.setup.value == y.setup.value);
    REQUIRE(x.flows.size() == y.flows.size());
    for (std::size_t f = 0; f < x.flows.size(); ++f) {
      CHECK(x.flows[f].from == y.flows[f].from);
      CHECK(x.flows[f].to == y.flows[f].to);
      CHECK(x.flows[f].share == y.flows[f].share);
    }
  }
}

}  // namespace

TEST_CASE("a plan from memory is the plan made anew, for every kind, size, algorithm and detail") {
  const Cluster cluster = build_cluster(nodes_of(with_nics(node_of("switch", 8, {}, 8), 4), 4, "single-switch"));
  CollectivePlanner planner(cluster);
  CollectiveRequest request;
  for (const std::size_t ranks : {2, 8, 32}) {
    request.members.clear();
    for (std::size_t d = 0; d < ranks; ++d) request.members.emplace_back(d * (32 / ranks));
    for (const CollectiveKind kind : {CollectiveKind::all_reduce, CollectiveKind::all_gather,
                                      CollectiveKind::reduce_scatter, CollectiveKind::all_to_all})
      for (const char* algorithm : {"auto", "ring", "bruck"})
        for (const CollectiveDetail detail : {CollectiveDetail::flow, CollectiveDetail::step})
          for (const double bytes : {1e3, 1e6, 1e9, 1e3}) {
            if (std::string(algorithm) != "auto" && kind != CollectiveKind::all_gather) continue;
            request.kind = kind;
            request.algorithm = algorithm;
            request.detail = detail;
            request.bytes = Bytes(bytes);
            check_equal(planner.plan(request), plan_collective(cluster, request));
          }
  }
}

TEST_CASE("a planner refuses what a plan made anew refuses") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  CollectivePlanner planner(cluster);
  CollectiveRequest request;
  for (std::size_t d = 0; d < 8; ++d) request.members.emplace_back(d);
  request.bytes = Bytes(1e6);
  request.algorithm = "rign";
  CHECK_THROWS_AS(planner.plan(request), SpecError);
  request.algorithm = "auto";
  request.protocol = "none such";
  CHECK_THROWS_AS(planner.plan(request), SpecError);
  request.protocol = "auto";
  request.members.resize(1);
  CHECK(planner.plan(request).steps.empty());
}
