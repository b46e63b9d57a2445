#include "models/parallelism/rank_grid.hpp"

#include <set>

#include <catch2/catch.hpp>

using namespace orrery;

namespace {

ResolvedPlan plan(int tensor, int context, int data, int pipeline, int zero_group) {
  ResolvedPlan p;
  p.tensor = tensor;
  p.context = context;
  p.data = data;
  p.pipeline = pipeline;
  p.zero_group = zero_group;
  return p;
}

}  // namespace

TEST_CASE("the groups of a family partition the ranks") {
  const RankGrid grid(plan(2, 2, 6, 3, 4), true, false);
  for (GroupFamily family : {GroupFamily::tensor, GroupFamily::context, GroupFamily::shards, GroupFamily::replicas,
                             GroupFamily::gradients, GroupFamily::model, GroupFamily::world}) {
    std::set<int> seen;
    for (const auto& group : grid.groups(family))
      for (int rank : group) REQUIRE(seen.insert(rank).second);
    REQUIRE(seen.size() == static_cast<std::size_t>(grid.ranks()));
  }
}

TEST_CASE("groups have the size of their dimension, and a dimension of degree 1 has none") {
  const RankGrid grid(plan(2, 2, 6, 3, 4), true, false);
  REQUIRE(grid.groups(GroupFamily::tensor).front() == std::vector<int>{0, 1});
  REQUIRE(grid.groups(GroupFamily::context).front() == std::vector<int>{0, 2});
  REQUIRE(grid.groups(GroupFamily::gradients).front().size() == 12);
  REQUIRE(grid.groups(GroupFamily::shards).front() == std::vector<int>{0, 2, 4, 6});
  REQUIRE(grid.groups(GroupFamily::replicas).front() == std::vector<int>{0, 8, 16});
  REQUIRE(grid.groups(GroupFamily::next_stage).size() == 2 * 24);
  REQUIRE(grid.groups(GroupFamily::embedding).front() == std::vector<int>{0, 48});
  const RankGrid one(plan(1, 1, 1, 1, 1), true, false);
  for (std::size_t f = 0; f < group_family_count; ++f) REQUIRE(one.groups(static_cast<GroupFamily>(f)).empty());
}
