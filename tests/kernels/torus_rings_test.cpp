// Rings of a torus, straight and twisted: right results, one hop a send, and how near they come to what the links allow.
#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/interpreter.hpp"
#include "kernels/collectives/options.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

constexpr CollectiveKind kinds[] = {CollectiveKind::all_reduce, CollectiveKind::reduce_scatter,
                                    CollectiveKind::all_gather};

Cluster torus(std::vector<int> sizes, bool twist) {
  int devices = 1;
  for (int size : sizes) devices *= size;
  const int links = static_cast<int>(2 * sizes.size());
  NodeModel node = node_of("torus", devices, std::move(sizes), links);
  if (twist) node.scale_up.options = parse_json(R"({"twist": true})", "test");
  return build_cluster(nodes_of(node, 1, "none"));
}

// Ranks in an order that is not the wiring's.
Group group_of(const Cluster& cluster) {
  std::vector<DeviceId> members;
  const std::size_t n = cluster.fabric.device_count();
  for (std::size_t r = 0; r < n; ++r) members.emplace_back(r % 2 == 0 ? r / 2 : n - 1 - r / 2);
  return make_group(cluster, members);
}

double bottleneck(const Group& group, CollectiveKind kind) {
  const auto phases = torus_rings_traffic(kind, group);
  REQUIRE(phases.size() == 1);
  return route_pattern(group.cluster->fabric, *group.cluster->router, flows_of(group, phases[0].pairs)).bottleneck;
}

const std::vector<std::vector<int>> twistable = {{2, 4}, {3, 6}, {4, 8}, {2, 2, 4}, {2, 4, 4}};

}  // namespace

TEST_CASE("the schedules of a twisted torus give every rank the right result, and with one send left out a wrong one") {
  for (const auto& sizes : twistable) {
    const Cluster cluster = torus(sizes, true);
    const Group group = group_of(cluster);
    for (CollectiveKind kind : kinds) {
      INFO(collective_names[static_cast<std::size_t>(kind)] << " of " << group.ranks);
      REQUIRE(torus_rings_supports(kind, group));
      const CollectiveSchedule s = torus_rings_schedule(kind, group);
      for (std::size_t elements : {std::size_t{37}, s.chunks + std::size_t{1}})
        CHECK(wrong_result(kind, s, elements).value_or("right") == "right");
      for (std::size_t t = 0; t < s.rounds.size(); ++t)
        for (std::size_t i = 0; i < s.rounds[t].sends.size(); i += 1 + s.rounds[t].sends.size() / 8)
          REQUIRE(wrong_result(kind, s, s.chunks, {t, i}));
    }
  }
}

TEST_CASE("on a whole torus, twisted or not, every send of the rings is one hop") {
  for (bool twist : {false, true})
    for (const auto& sizes : twistable) {
      const Cluster cluster = torus(sizes, twist);
      const Group group = group_of(cluster);
      std::vector<Hop> hops;
      for (const Round& round : torus_rings_schedule(CollectiveKind::all_reduce, group).rounds)
        for (const Send& send : round.sends) {
          hops.clear();
          cluster.router->route(group.places[send.from], group.places[send.to], 0, hops);
          REQUIRE(hops.size() == 1);
        }
    }
}

TEST_CASE("the traffic of a twisted torus is that of its schedule's sends") {
  for (const auto& sizes : twistable) {
    const Cluster cluster = torus(sizes, true);
    const Group group = group_of(cluster);
    for (CollectiveKind kind : kinds) {
      const auto closed = torus_rings_traffic(kind, group),
                 summed = aggregate(torus_rings_schedule(kind, group), group);
      REQUIRE(summed.size() == 1);
      CHECK(closed[0].rounds == summed[0].rounds);
      REQUIRE(closed[0].pairs.size() == summed[0].pairs.size());
      for (std::size_t i = 0; i < summed[0].pairs.size(); ++i) {
        CHECK(closed[0].pairs[i].from == summed[0].pairs[i].from);
        CHECK(closed[0].pairs[i].to == summed[0].pairs[i].to);
        CHECK(closed[0].pairs[i].share == Approx(summed[0].pairs[i].share));
      }
    }
  }
}

TEST_CASE("equal sides fill all links of a torus: half the bytes of an all-reduce for its halves, whatever the twist") {
  const Cluster cube = torus({4, 4, 4}, false);
  const Group group = group_of(cube);
  const double links = 6 * 100e9, part = 63.0 / 64;
  CHECK(bottleneck(group, CollectiveKind::all_reduce) == Approx(2 * part / links));
  CHECK(bottleneck(group, CollectiveKind::reduce_scatter) == Approx(part / links));
  CHECK(bottleneck(group, CollectiveKind::all_gather) == Approx(part / links));
}

TEST_CASE("a twist evens out the sides: within 4 percent of all links busy, where the straight slice misses 12 to 16") {
  const auto over_ideal = [](std::vector<int> sizes, bool twist) {
    const Cluster cluster = torus(std::move(sizes), twist);
    const Group group = group_of(cluster);
    const double n = group.ranks;
    return bottleneck(group, CollectiveKind::all_reduce) / (2 * (n - 1) / n / (6 * 100e9));
  };
  CHECK(over_ideal({4, 4, 8}, false) == Approx(1.157).epsilon(1e-3));
  CHECK(over_ideal({4, 4, 8}, true) == Approx(1.039).epsilon(1e-3));
  CHECK(over_ideal({4, 8, 8}, false) == Approx(1.125).epsilon(1e-3));
  CHECK(over_ideal({4, 8, 8}, true) == Approx(1.004).epsilon(1e-3));
}

TEST_CASE("a part of a twisted slice still gets right results, its rings closed through others") {
  const Cluster cluster = torus({4, 8}, true);
  std::vector<DeviceId> half;
  for (std::size_t d = 0; d < 16; ++d) half.emplace_back(d);  // two rows of eight
  const Group group = make_group(cluster, half);
  for (CollectiveKind kind : kinds) {
    const CollectiveSchedule s = torus_rings_schedule(kind, group);
    CHECK_FALSE(wrong_result(kind, s, s.chunks + 1));
  }
}

TEST_CASE("a side of one place makes a torus no twisted one") {
  const Cluster plain = torus({2, 4}, false);
  const double expected = bottleneck(group_of(plain), CollectiveKind::all_reduce);
  for (const auto& sizes : {std::vector<int>{2, 4, 1}, {1, 2, 4}, {4, 2, 1}}) {
    const Cluster cluster = torus(sizes, false);
    CHECK(bottleneck(group_of(cluster), CollectiveKind::all_reduce) == Approx(expected));
  }
}
