// All-to-all: the short form of its traffic, uneven sizes, and its cost beside the closed form.
#include <map>

#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/node_levels.hpp"
#include "kernels/collectives/options.hpp"
#include "sim/error.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

ClusterSpec fat_tree(int nodes, int levels, int radix, double oversubscription, bool rails) {
  ClusterSpec spec = nodes_of(switch_node(4, 4), nodes, "fat-tree");
  spec.fabric.levels = levels;
  spec.fabric.radix = radix;
  spec.fabric.oversubscription = oversubscription;
  spec.fabric.rail_optimized = rails;
  return spec;
}

Group every(const Cluster& cluster, std::size_t stride) {
  std::vector<DeviceId> members;
  for (std::size_t d = 0; d < cluster.fabric.device_count(); d += stride) members.emplace_back(d);
  return make_group(cluster, members);
}

std::map<LinkId, double> loads_of(const Group& group, const std::vector<PairTraffic>& pairs) {
  std::map<LinkId, double> loads;
  for (const LinkLoad& load :
       route_pattern(group.cluster->fabric, *group.cluster->router, flows_of(group, pairs)).loads)
    loads[load.link] = load.weight;
  return loads;
}

CollectiveRequest all_to_all_over(const Cluster& cluster, std::size_t ranks, const char* algorithm) {
  CollectiveRequest request;
  request.kind = CollectiveKind::all_to_all;
  request.bytes = Bytes(1e8);
  request.algorithm = algorithm;
  REQUIRE(ranks <= cluster.fabric.device_count());
  for (std::size_t d = 0; d < ranks; ++d) request.members.emplace_back(d);
  return request;
}

double wires(const CollectiveStep& step, const Cluster& cluster) {
  return step.bytes / step.efficiency * route_pattern(cluster.fabric, *cluster.router, step.flows).bottleneck;
}

}  // namespace

TEST_CASE("folded all-to-all traffic loads every link of a fat-tree as all pairs do") {
  const ClusterSpec specs[] = {fat_tree(16, 2, 16, 1, false), fat_tree(16, 2, 16, 3, false),
                               fat_tree(16, 2, 16, 1, true), fat_tree(16, 3, 8, 2, false)};
  for (const ClusterSpec& spec : specs)
    for (std::size_t stride : {1u, 2u, 4u}) {
      const Cluster cluster = build_cluster(spec);
      const Group group = every(cluster, stride);
      INFO(spec.fabric.levels << " levels, radix " << spec.fabric.radix << ", every " << stride);
      for (const char* name : {"direct", "hierarchical"}) {
        const CollectiveAlgorithm& algorithm = find(collective_catalog(), name)->value;
        if (!algorithm.supports(CollectiveKind::all_to_all, group)) continue;
        const auto folded = traffic_of(algorithm, CollectiveKind::all_to_all, group);
        const auto written = aggregate(algorithm.schedule(CollectiveKind::all_to_all, group), group);
        const auto expected = loads_of(group, written[0].pairs), found = loads_of(group, folded[0].pairs);
        REQUIRE(found.size() == expected.size());
        for (const auto& [link, weight] : expected) REQUIRE(found.at(link) == Approx(weight).epsilon(1e-9));
      }
    }
}

TEST_CASE("an all-to-all over thousands of devices is a few flows per device and level") {
  const Cluster cluster = build_cluster(fat_tree(1024, 3, 32, 1, false));
  const Group group = every(cluster, 1);
  REQUIRE(group.ranks == 4096);
  const CollectiveAlgorithm& direct = find(collective_catalog(), "direct")->value;
  const auto traffic = traffic_of(direct, CollectiveKind::all_to_all, group);
  CHECK(traffic[0].pairs.size() <= 4096 * (3 + 3 * 4));
  double sent = 0;
  for (const PairTraffic& pair : traffic[0].pairs) sent += pair.share * pair.copies;
  CHECK(sent == Approx(4095));
}

TEST_CASE("nodes whose paths are hashed, or that are not alike, are not folded") {
  ClusterSpec hashed = fat_tree(16, 2, 16, 1, false);
  hashed.fabric.ecmp = "hash";
  CHECK(node_levels(every(build_cluster(hashed), 1)).empty());
  const Cluster cluster = build_cluster(fat_tree(16, 2, 16, 1, false));
  CHECK_FALSE(node_levels(every(cluster, 1)).empty());
  std::vector<DeviceId> uneven;
  for (std::size_t d = 0; d < 6; ++d) uneven.emplace_back(d);
  CHECK(node_levels(make_group(cluster, uneven)).empty());
  ClusterSpec unlike = fat_tree(8, 2, 16, 15, true);
  unlike.pools.push_back({"few", switch_node(4, 2), 8, {}, 1});
  const Cluster two_pools = build_cluster(unlike);
  CHECK(node_levels(every(two_pools, 1)).empty());
}

TEST_CASE("an all-to-all of more pairs than anybody can write is refused") {
  ClusterSpec hashed = fat_tree(4096, 3, 64, 1, false);
  hashed.fabric.ecmp = "hash";
  const Cluster cluster = build_cluster(hashed);
  CHECK_THROWS_WITH(plan_collective(cluster, all_to_all_over(cluster, 16384, "direct")),
                    Catch::Contains("an all_to_all of at most"));
}

TEST_CASE("every algorithm of an all-to-all sends what the receivers' shares say") {
  const Cluster cluster = build_cluster(nodes_of(switch_node(2, 2), 2, "single-switch"));
  const std::vector<double> by_receiver = {0.5, 0.25, 0.25, 0};
  std::vector<double> matrix(16, 0.25);
  matrix[1] = 2;  // rank 0 to rank 1
  for (const char* algorithm : {"direct", "pairwise", "bruck", "hierarchical"}) {
    INFO(algorithm);
    CollectiveRequest request = all_to_all_over(cluster, 4, algorithm);
    const auto sent_to = [&](std::size_t rank) {
      double share = 0;
      for (const CollectiveStep& step : plan_collective(cluster, request).steps)
        for (const Flow& flow : step.flows)
          if (flow.to == cluster.fabric.vertex_of(DeviceId(rank))) share += flow.share * flow.copies;
      return share;
    };
    request.shares = by_receiver;
    CHECK(sent_to(0) >= 1.5 - 1e-12);  // 3 senders with 0.5 each, and what is relayed
    request.shares = matrix;
    CHECK(sent_to(1) >= 2.5 - 1e-12);
    request.detail = CollectiveDetail::step;
    CHECK(sent_to(1) >= 2.5 - 1e-12);
    if (std::string(algorithm) == "direct") {
      CHECK(sent_to(1) == Approx(2.5));
      request.shares = by_receiver;
      CHECK(sent_to(3) == 0);
    }
  }
}

TEST_CASE("even shares give what no shares give, and a popular receiver costs its own link") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  CollectiveRequest request = all_to_all_over(cluster, 8, "direct");
  const double even = time_alone(cluster, plan_collective(cluster, request)).value;
  request.shares = std::vector<double>(8, 1.0 / 8);
  CHECK(time_alone(cluster, plan_collective(cluster, request)).value == Approx(even).epsilon(1e-12));
  request.shares = std::vector<double>(8, 0.5 / 7);
  request.shares[3] = 0.5;
  const CollectiveStep step = plan_collective(cluster, request).steps.at(0);
  CHECK(wires(step, cluster) * step.efficiency == Approx(7 * 0.5 * 1e8 / 100e9));
}

TEST_CASE("pairs that share nothing post nothing: a permutation costs what sends and receives do") {
  const Cluster cluster = build_cluster(nodes_of(switch_node(2, 2), 4, "single-switch"));
  CollectiveRequest shift = all_to_all_over(cluster, 8, "direct"), ring = shift;
  shift.shares.assign(64, 0);
  for (std::size_t r = 0; r < 8; ++r) shift.shares[r * 8 + (r ^ 2)] = 1;  // with another node
  ring.kind = CollectiveKind::send_receive;
  ring.members.clear();
  for (const std::size_t d : {0u, 2u, 4u, 6u, 1u, 3u, 5u, 7u})
    ring.members.emplace_back(d);  // likewise, one after the other
  for (const double bytes : {8.0, 65536.0, 1e8}) {
    shift.bytes = ring.bytes = Bytes(bytes);
    const double moved = time_alone(cluster, plan_collective(cluster, shift)).value;
    CHECK(moved == Approx(time_alone(cluster, plan_collective(cluster, ring)).value).epsilon(1e-12));
    shift.algorithm = "pairwise";  // of its seven rounds one sends something
    CHECK(time_alone(cluster, plan_collective(cluster, shift)).value == Approx(moved).epsilon(1e-12));
    shift.algorithm = "direct";
  }
}

TEST_CASE("posts are those of the rank that sends or receives most messages, and of these those that leave a node") {
  const Cluster cluster = build_cluster(nodes_of(switch_node(2, 2), 4, "single-switch"));
  const Group group = every(cluster, 1);
  struct Posts {
    std::uint32_t rounds, node_rounds, posts, node_posts;
    bool operator==(const Posts&) const = default;
  };
  const auto posts = [&](const char* name, const auto& shares_of) {
    std::vector<double> shares;
    for (std::size_t from = 0; from < 8; ++from)
      for (std::size_t to = 0; to < 8; ++to) shares.push_back(shares_of(from, to));
    const CollectiveAlgorithm& algorithm = find(collective_catalog(), name)->value;
    const auto phases = aggregate(schedule_of(algorithm, CollectiveKind::all_to_all, group, shares), group);
    REQUIRE(phases.size() == 1);
    return Posts{phases[0].rounds, phases[0].node_rounds, phases[0].posts, phases[0].node_posts};
  };
  const auto even = [](std::size_t, std::size_t) { return 1; };
  const auto inside = [](std::size_t from, std::size_t to) { return from / 2 == to / 2; };
  const auto to_first = [](std::size_t, std::size_t to) { return to == 0; };
  const auto kept = [](std::size_t from, std::size_t to) { return from == to; };
  CHECK(posts("direct", even) == Posts{1, 1, 7, 6});
  CHECK(posts("direct", inside) == Posts{1, 0, 1, 0});
  CHECK(posts("direct", to_first) == Posts{1, 1, 7, 6});  // all at their receiver
  CHECK(posts("direct", kept) == Posts{1, 0, 0, 0});
  CHECK(posts("hierarchical", even) == Posts{2, 1, 4, 3});
  CHECK(posts("hierarchical", inside) == Posts{1, 0, 1, 0});
  CHECK(posts("pairwise", even) == Posts{7, 6, 7, 6});
  CHECK(posts("pairwise", inside) == Posts{1, 0, 1, 0});
}

TEST_CASE("shares that do not fit are refused") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 4), 1, "none"));
  CollectiveRequest request = all_to_all_over(cluster, 4, "auto");
  request.shares = {1, 2, 3};
  CHECK_THROWS_WITH(plan_collective(cluster, request), Catch::Contains("4 numbers"));
  request.shares = {1, 2, 3, -1};
  CHECK_THROWS_AS(plan_collective(cluster, request), SpecError);
  request.shares = {1, 2, 3, 4};
  request.kind = CollectiveKind::all_reduce;
  CHECK_THROWS_WITH(plan_collective(cluster, request), Catch::Contains("all_to_all only"));
}

TEST_CASE("an all-to-all on a switch takes (n-1)/n of the buffer at the link's rate, whatever the order") {
  NodeModel slow = node_of("switch", 8), quick = slow;
  quick.scale_up.link->latency = Seconds(0);
  const Cluster cluster = build_cluster(nodes_of(slow, 1, "none")), ideal = build_cluster(nodes_of(quick, 1, "none"));
  for (const char* algorithm : {"direct", "pairwise"}) {
    const CollectivePlan plan = plan_collective(cluster, all_to_all_over(cluster, 8, algorithm));
    const CollectiveStep& step = plan.steps.at(0);
    CHECK(wires(step, cluster) * step.efficiency == Approx(7.0 / 8 * 1e8 / 100e9));
    const CollectivePlan at_once = plan_collective(ideal, all_to_all_over(ideal, 8, algorithm));
    const double waits = std::string(algorithm) == "direct" ? 1 : 7;  // for a path of two links
    CHECK(time_alone(cluster, plan).value - time_alone(ideal, at_once).value == Approx(waits * 2 * 1e-6));
  }
}

TEST_CASE("a hierarchical all-to-all crosses no rail") {
  const Cluster cluster = build_cluster(fat_tree(8, 2, 16, 1, true));
  const CollectivePlan plan = plan_collective(cluster, all_to_all_over(cluster, 32, "hierarchical"));
  const Fabric& fabric = cluster.fabric;
  for (const Flow& flow : plan.steps.at(0).flows) {
    const Vertex &from = fabric.vertex(flow.from), &to = fabric.vertex(flow.to);
    if (from.node != to.node) CHECK(from.device.index() % 4 == to.device.index() % 4);
  }
}
