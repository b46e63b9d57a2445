// A planner remembers wiring; its plans are those made anew.
#include "kernels/collectives/planner.hpp"

#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "tests/support/chain_schedule.hpp"
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

TEST_CASE("a planner plans a schedule of the user's own where it fits and what a library would run elsewhere") {
  const Cluster cluster = build_cluster(nodes_of(with_nics(node_of("switch", 8, {}, 8), 4), 4, "single-switch"));
  const auto own = std::make_shared<const UserSchedule>(chain_schedule(4));
  CollectivePlanner planner(cluster, {own});
  for (const CollectiveKind kind : {CollectiveKind::all_reduce, CollectiveKind::all_gather})
    for (const std::size_t ranks : {2, 4, 8})
      for (const std::size_t stride : {1, 2})  // 4 ranks in one node, and in two
        for (const CollectiveDetail detail : {CollectiveDetail::flow, CollectiveDetail::step})
          for (const double bytes : {1e3, 1e9, 1e3}) {
            CollectiveRequest request;
            request.kind = kind;
            request.detail = detail;
            request.bytes = Bytes(bytes);
            for (std::size_t d = 0; d < ranks; ++d) request.members.emplace_back(4 + d * stride);
            const CollectivePlan plan = planner.plan(request);
            const bool fits = kind == CollectiveKind::all_reduce && ranks == 4;
            CHECK((plan.algorithm == "chain") == fits);
            if (fits) request.user = own;
            check_equal(plan, plan_collective(cluster, request));
          }
}

TEST_CASE("schedules of the user's own take the buffers that their files are for, and a library the others") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 4), 1, "none"));
  const auto meant_for = [](const char* name, double least, double most) {
    UserSchedule own = chain_schedule(4);
    own.name = name;
    own.least_bytes = least;
    own.most_bytes = most;
    return std::make_shared<const UserSchedule>(std::move(own));
  };
  CollectivePlanner planner(cluster, {meant_for("ring", 1024, 2048), meant_for("ring", 1e6, 1e9)});
  CollectiveRequest request;
  for (std::size_t d = 0; d < 4; ++d) request.members.emplace_back(d);
  for (const CollectiveDetail detail : {CollectiveDetail::flow, CollectiveDetail::step})
    for (const auto& [bytes, expected] : {std::pair(1023.0, ""), std::pair(1024.0, "ring of 1024 to 2048 B"),
                                          std::pair(2048.0, "ring of 1024 to 2048 B"), std::pair(2049.0, ""),
                                          std::pair(1e7, "ring of 1000000 to 1000000000 B"), std::pair(2e9, ""),
                                          std::pair(1500.0, "ring of 1024 to 2048 B")}) {
      request.detail = detail;
      request.bytes = Bytes(bytes);
      const CollectivePlan plan = planner.plan(request);
      if (*expected)
        CHECK(plan.algorithm == expected);
      else
        check_equal(plan, plan_collective(cluster, request));
    }
}

TEST_CASE("a planner refuses a schedule whose protocol has no costs over the links of the group") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 4), 1, "none"));
  CollectiveRequest request;
  for (std::size_t d = 0; d < 4; ++d) request.members.emplace_back(d);
  request.bytes = Bytes(1e6);
  UserSchedule own = chain_schedule(4);
  CHECK_NOTHROW(CollectivePlanner(cluster, {std::make_shared<const UserSchedule>(own)}).plan(request));
  own.protocol = "ll256";
  CollectivePlanner planner(cluster, {std::make_shared<const UserSchedule>(own)});
  CHECK_THROWS_WITH(planner.plan(request), Catch::Contains("over fast") && Catch::Contains("all_reduce"));
}
