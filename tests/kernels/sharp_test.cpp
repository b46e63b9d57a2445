// Reduction in the switches between nodes: trees, traffic, closed forms of time, and when it is chosen.
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/interpreter.hpp"
#include "kernels/collectives/options.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"
#include "tests/topologies/reducing.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// `nodes` x one device and one NIC under leaves of `down` ports, one level of spines above.
ClusterSpec single_devices(int nodes, int down) {
  ClusterSpec spec = nodes_of(with_nics(node_of("none", 1), 1), nodes, "fat-tree");
  spec.fabric.radix = 2 * down;
  return spec;
}

CollectiveRequest request_of(const Cluster& cluster, double bytes, const char* algorithm) {
  CollectiveRequest request;
  request.bytes = Bytes(bytes);
  request.algorithm = algorithm;
  for (std::size_t d = 0; d < cluster.fabric.device_count(); ++d) request.members.emplace_back(d);
  return request;
}

Group whole(const Cluster& cluster) { return make_group(cluster, request_of(cluster, 1, "auto").members); }

double software(const CollectivePlan& plan) {
  double total = 0;
  for (const CollectiveStep& step : plan.steps) total += step.setup.value;
  return total;
}

CollectiveCost reduction_costs() { return *collective_calibration().find(reducing_link, false, "sharp", "simple"); }

bool is_trunk(const Cluster& cluster, LinkId link) {
  const Link& l = cluster.fabric.link(link);
  return cluster.fabric.vertex(l.from).node == ~0u && cluster.fabric.vertex(l.to).node == ~0u;
}

bool is_port(const Cluster& cluster, LinkId link) {
  return cluster.fabric.vertex(cluster.fabric.link(link).from).kind == VertexKind::nic;
}

}  // namespace

TEST_CASE("in the network every NIC and every leaf sends the buffer once and gets it once, however many nodes") {
  for (int nodes : {4, 16, 32}) {
    INFO(nodes << " nodes");
    ClusterSpec spec = reducing(single_devices(nodes, 4));
    spec.fabric.oversubscription = 4;  // which a ring would feel at every leaf
    const Cluster cluster = build_cluster(spec);
    const CollectivePlan plan = plan_collective(cluster, request_of(cluster, 1e9, "sharp"));
    REQUIRE(plan.steps.size() == 1);
    const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, plan.steps[0].flows);
    for (const LinkLoad& load : routed.loads) CHECK(load.weight == Approx(1));
    CHECK(1 / routed.bottleneck == Approx(25e9));
  }
}

TEST_CASE("an all-reduce in the network costs a way up and down the tree and the buffer at the switches' rate") {
  const Cluster cluster = build_cluster(reducing(single_devices(16, 4)));  // 4 leaves under a spine
  for (double bytes : {8.0, 1e8}) {
    const CollectivePlan plan = plan_collective(cluster, request_of(cluster, bytes, "sharp"));
    const double rate = 25e9 * plan.steps[0].efficiency;
    // Up two cables of 2 us, down two.
    CHECK(time_alone(cluster, plan).value == Approx(software(plan) + 4 * 2e-6 + bytes / rate).epsilon(1e-9));
    CHECK(plan.steps[0].efficiency == Approx(reduction_costs().efficiency));
  }
}

TEST_CASE("the tree of a channel is as high as the levels that its members span, and grows with no other") {
  const auto height = [](int nodes, int levels) {
    ClusterSpec spec = reducing(single_devices(nodes, 4));
    spec.fabric.levels = levels;
    const Cluster cluster = build_cluster(spec);
    const Group group = whole(cluster);
    REQUIRE(group.trees.size() == 1);
    return group.trees[0].switches.front().height;
  };
  CHECK(height(4, 2) == 0);  // one leaf
  CHECK(height(8, 2) == 1);
  CHECK(height(32, 2) == 1);
  CHECK(height(16, 3) == 1);  // one pod
  CHECK(height(64, 3) == 2);
}

TEST_CASE("rounds are a way up and a way down the tree, plus the inside of the node") {
  const auto rounds = [](const Cluster& cluster, const char* algorithm) {
    return find(collective_catalog(), algorithm)
        ->value.schedule(CollectiveKind::all_reduce, whole(cluster))
        .rounds.size();
  };
  CHECK(rounds(build_cluster(reducing(single_devices(4, 4))), "sharp") == 2);
  CHECK(rounds(build_cluster(reducing(single_devices(16, 4))), "sharp") == 4);
  const auto nodes = [](NodeModel node) {
    return build_cluster(reducing(nodes_of(std::move(node), 4, "single-switch")));
  };
  CHECK(rounds(nodes(switch_node(8, 8)), "sharp") == 2 + 2);      // straight to the carriers and back
  CHECK(rounds(nodes(switch_node(8, 2)), "sharp") == 2 + 2 * 7);  // chains through the node
  NodeModel adding = switch_node(8, 8);
  adding.scale_up.in_network_reduction = true;
  CHECK(rounds(nodes(adding), "nvls-sharp") == 2 + 4);
}

TEST_CASE("with one NIC per device each rail has a tree of its own") {
  ClusterSpec spec = reducing(nodes_of(switch_node(4, 4), 16, "fat-tree"));
  spec.fabric.radix = 12;
  spec.fabric.rail_optimized = true;
  for (const char* ecmp : {"ideal", "hash"}) {
    spec.fabric.ecmp = ecmp;
    const Cluster cluster = build_cluster(spec);
    const Group group = whole(cluster);
    REQUIRE(group.trees.size() == 4);
    const CollectivePlan plan = plan_collective(cluster, request_of(cluster, 1e9, "sharp"));
    const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, plan.steps[0].flows);
    for (const LinkLoad& load : routed.loads)
      if (is_trunk(cluster, load.link) || is_port(cluster, load.link)) CHECK(load.weight == Approx(0.25));
  }
}

TEST_CASE("only switches that declare it are asked to reduce, and then large buffers between nodes are") {
  const auto chosen = [](const ClusterSpec& spec, double bytes) {
    const Cluster cluster = build_cluster(spec);
    return plan_collective(cluster, request_of(cluster, bytes, "auto")).algorithm;
  };
  ClusterSpec spec = single_devices(32, 4);
  CHECK(chosen(spec, 1e9) != "sharp");
  CHECK_FALSE(sharp_supports(CollectiveKind::all_reduce, whole(build_cluster(spec))));
  spec = reducing(spec);
  CHECK(chosen(spec, 1e9) == "sharp");
  spec.fabric.options = {{"in_network_reduction", false}};
  CHECK(chosen(spec, 1e9) != "sharp");
  NodeModel adding = switch_node(8, 8);
  adding.scale_up.in_network_reduction = true;
  CHECK(chosen(reducing(nodes_of(adding, 8, "single-switch")), 1e9) == "nvls-sharp");
  CHECK(chosen(nodes_of(adding, 8, "single-switch"), 1e9) != "nvls-sharp");
}

TEST_CASE("a buffer longer than an operation takes is sent in pieces, each at a step's cost") {
  const Cluster cluster = build_cluster(reducing(single_devices(16, 4)));
  const auto time_of = [&](double bytes) {
    const CollectivePlan plan = plan_collective(cluster, request_of(cluster, bytes, "sharp"));
    return time_alone(cluster, plan).value;
  };
  const double step = reduction_costs().step.value, most = reduction_costs().largest;
  REQUIRE(most > 0);
  CHECK(time_of(most + 1) - time_of(most) == Approx(step).epsilon(1e-3));
  CHECK(time_of(4 * most) - time_of(3 * most) == Approx(time_of(5 * most) - time_of(4 * most)).epsilon(1e-2));
}

TEST_CASE("a tree is laid round a failed cable") {
  ClusterSpec spec = reducing(single_devices(16, 4));
  spec.fabric.ecmp = "hash";  // every cable stands for itself
  const Cluster sound = build_cluster(spec);
  const Group group = whole(sound);
  const VertexId leaf = group.trees[0].switches[1].place, root = group.trees[0].switches[0].place;
  std::size_t first_switch = 0;
  while (sound.fabric.vertices()[first_switch].node != ~0u) ++first_switch;
  const auto name = [&](VertexId v) { return "switch " + std::to_string(v.index() - first_switch); };
  DegradedSpec failed;
  failed.between = std::vector<std::string>{name(leaf), name(root)};
  spec.degraded.push_back(failed);
  const Cluster cluster = build_cluster(spec);
  const CollectivePlan plan = plan_collective(cluster, request_of(cluster, 1e8, "sharp"));
  const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, plan.steps[0].flows);
  for (const LinkLoad& load : routed.loads) {
    CHECK(cluster.fabric.link(load.link).bandwidth.value > 0);
    CHECK(load.weight == Approx(1));
  }
}

TEST_CASE(
    "where failures keep the switches of a channel apart nothing is reduced in them, and other algorithms go on") {
  ClusterSpec spec = reducing(nodes_of(switch_node(8, 8), 16, "fat-tree"));
  spec.fabric.radix = 16;
  spec.fabric.rail_optimized = true;
  DegradedSpec cut;  // one leaf from the spines: its nodes still meet over the other rails
  cut.between = std::vector<std::string>{"switch 0", "switch 16"};
  cut.rate = 0;
  spec.degraded.push_back(cut);
  const Cluster cluster = build_cluster(spec);
  CHECK(whole(cluster).trees.empty());
  const CollectivePlan plan = plan_collective(cluster, request_of(cluster, 1e6, "auto"));
  CHECK_THAT(plan.why, Catch::Contains("leave no tree of them"));
  CHECK(time_alone(cluster, plan).value > 0);
}

TEST_CASE("groups that run beside each other have trees with roots of their own") {
  ClusterSpec spec = reducing(nodes_of(switch_node(4, 4), 16, "fat-tree"));
  spec.fabric.radix = 16;
  spec.fabric.ecmp = "hash";  // every spine stands for itself
  const Cluster cluster = build_cluster(spec);
  std::set<std::uint32_t> roots;
  for (std::size_t local = 0; local < 4; ++local) {
    std::vector<DeviceId> members;
    for (std::size_t d = local; d < 64; d += 4) members.emplace_back(d);
    const Group group = make_group(cluster, members);
    REQUIRE(group.trees.size() == 1);
    roots.insert(group.trees[0].switches[0].place.value);
  }
  CHECK(roots.size() == 4);
}

// A hop into a node's switch is one cable, between its devices two, and one over a NIC 2 us.
TEST_CASE("rounds in the nodes' switches pay their own hops, at flow as at step") {
  const auto cluster_of = [](double seconds, bool between) {
    NodeModel adding = switch_node(8, 8);
    adding.scale_up.in_network_reduction = true;
    adding.scale_up.link->latency = Seconds(seconds);
    if (!between) adding.nics->link.latency = Seconds(0);
    return build_cluster(reducing(nodes_of(adding, 4, "single-switch")));
  };
  for (const double inside : {1e-6, 3e-6}) {  // shorter and longer than the way between nodes
    const Cluster cluster = cluster_of(inside, true), ideal = cluster_of(0, false);
    const auto waits = [&](const char* algorithm, CollectiveDetail detail) {
      CollectiveRequest request = request_of(cluster, 8, algorithm);
      request.detail = detail;
      return time_alone(cluster, plan_collective(cluster, request)).value -
             time_alone(ideal, plan_collective(ideal, request)).value;
    };
    for (const CollectiveDetail detail : {CollectiveDetail::flow, CollectiveDetail::step}) {
      CHECK(waits("nvls-sharp", detail) == Approx(4 * inside + 2 * 2e-6).epsilon(1e-6));
      CHECK(waits("sharp", detail) == Approx(2 * 2 * inside + 2 * 2e-6).epsilon(1e-6));
    }
    CHECK(waits("nvls-tree", CollectiveDetail::flow) ==
          Approx(waits("nvls-tree", CollectiveDetail::step)).epsilon(1e-6));
  }
}

TEST_CASE("a member whose NIC has failed leaves its channel to the next one, and the switches go on reducing") {
  NodeModel adding = switch_node(4, 4);
  adding.scale_up.in_network_reduction = true;
  ClusterSpec spec = reducing(nodes_of(adding, 8, "fat-tree"));
  spec.fabric.radix = 16;
  for (const bool rails : {false, true}) {
    spec.fabric.rail_optimized = rails;
    spec.degraded.clear();
    const Cluster sound = build_cluster(spec);
    DegradedSpec failed;
    failed.at = "nic 5";  // of the second node
    failed.rate = 0;
    spec.degraded.push_back(failed);
    const Cluster cluster = build_cluster(spec);
    const Group group = whole(cluster);
    REQUIRE(group.trees.size() == 4);
    CHECK(group.trees[1].carriers[0] == 1);
    CHECK(group.trees[1].carriers[1] == 6);
    for (const char* algorithm : {"sharp", "nvls-sharp"}) {
      const auto schedule = find(collective_catalog(), algorithm)->value.schedule(CollectiveKind::all_reduce, group);
      CHECK_FALSE(wrong_result(CollectiveKind::all_reduce, schedule, 41).has_value());
      // Two of four channels meet in one NIC.
      const auto busiest = [&](const Cluster& at) {
        const CollectivePlan plan = plan_collective(at, request_of(at, 1e9, algorithm));
        const RoutedPattern routed = route_pattern(at.fabric, *at.router, plan.steps[0].flows);
        double most = 0;
        for (const LinkLoad& load : routed.loads)
          if (is_port(at, load.link)) most = std::max(most, load.weight);
        return most;
      };
      CHECK(busiest(sound) == Approx(0.25));
      CHECK(busiest(cluster) == Approx(0.5));
    }
    CHECK(plan_collective(cluster, request_of(cluster, 1e9, "auto")).why.find("nvls-sharp") != std::string::npos);
  }
}

TEST_CASE("channels of several failed NICs are shared out evenly, wherever these lie") {
  for (const auto& failed : {std::pair{0, 1}, std::pair{0, 2}, std::pair{3, 5}}) {
    ClusterSpec spec = reducing(nodes_of(switch_node(8, 8), 4, "fat-tree"));
    spec.fabric.radix = 64;
    spec.fabric.rail_optimized = true;
    for (const int nic : {failed.first, failed.second}) {
      spec.degraded.emplace_back();
      spec.degraded.back().at = "nic " + std::to_string(nic);
      spec.degraded.back().rate = 0;
    }
    const Cluster cluster = build_cluster(spec);
    const Group group = whole(cluster);
    std::map<std::uint32_t, int> channels;
    for (const AggregationTree& tree : group.trees) ++channels[tree.carriers[0]];
    CAPTURE(failed.first, failed.second);
    CHECK(channels.size() == 6);
    for (const auto& [carrier, carried] : channels) CHECK(carried <= 2);
  }
}

TEST_CASE("where no member of a node has a NIC that works the switches reduce nothing") {
  ClusterSpec spec = reducing(nodes_of(switch_node(2, 2), 4, "single-switch"));
  DegradedSpec failed;
  failed.at = "nic 2";
  failed.rate = 0;
  spec.degraded.push_back(failed);
  const Cluster cluster = build_cluster(spec);
  const auto every_second = [&](std::size_t first) {
    std::vector<DeviceId> members;
    for (std::size_t d = first; d < 8; d += 2) members.emplace_back(d);
    return make_group(cluster, members);
  };
  CHECK(every_second(0).trees.empty());
  const CollectivePlan plan = plan_collective(cluster, request_of(cluster, 1e6, "auto"));
  CHECK_FALSE(whole(cluster).trees.empty());
  CHECK(plan.why.find("leave no tree") == std::string::npos);
  CollectiveRequest cut_off = request_of(cluster, 1e6, "auto");
  std::erase_if(cut_off.members, [](DeviceId d) { return d.index() % 2 == 1; });
  CHECK_THAT(plan_collective(cluster, cut_off).why, Catch::Contains("leave no tree of them"));
  CHECK_FALSE(every_second(1).trees.empty());
}
