// The short form of an even all-to-all on a torus, held against every pair, link by link.
#include "kernels/collectives/torus_all_to_all.hpp"

#include <map>

#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/options.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

ClusterSpec torus(std::vector<int> sizes, bool twist = false) {
  int devices = 1;
  for (const int size : sizes) devices *= size;
  ClusterSpec spec = nodes_of(node_of("torus", devices, std::move(sizes)), 1, "none");
  if (twist) spec.pools[0].node.scale_up.options = parse_json(R"({"twist": true})", "test");
  return spec;
}

Group whole(const Cluster& cluster) {
  std::vector<DeviceId> members;
  for (std::size_t d = cluster.fabric.device_count(); d-- > 0;) members.emplace_back(d);  // in no order of the wiring
  return make_group(cluster, members);
}

RoutedPattern routed(const Group& group, const std::vector<PairTraffic>& pairs) {
  return route_pattern(group.cluster->fabric, *group.cluster->router, flows_of(group, pairs));
}

std::map<LinkId, double> loads_of(const RoutedPattern& pattern) {
  std::map<LinkId, double> loads;
  for (const LinkLoad& load : pattern.loads) loads[load.link] = load.weight;
  return loads;
}

void check_exact(const ClusterSpec& spec) {
  const Cluster cluster = build_cluster(spec);
  const Group group = whole(cluster);
  const auto folded = torus_all_pairs(group, 1.0 / group.ranks);
  REQUIRE_FALSE(folded.empty());
  const auto written = aggregate(direct_all_to_all(group), group);
  const RoutedPattern expected = routed(group, written[0].pairs), found = routed(group, folded);
  const auto loads = loads_of(found);
  REQUIRE(loads.size() == expected.loads.size());
  for (const LinkLoad& load : expected.loads) REQUIRE(loads.at(load.link) == Approx(load.weight).epsilon(1e-9));
  CHECK(found.latency.value == Approx(expected.latency.value).epsilon(1e-9));
  CHECK(found.fair_share == Approx(expected.fair_share).epsilon(1e-9));
}

}  // namespace

TEST_CASE("an all-to-all on a torus, as neighbours' pairs, loads every link as all pairs do") {
  for (const std::vector<int>& sizes :
       {std::vector<int>{4, 4}, {3, 5}, {2, 6}, {2, 2, 2}, {4, 4, 4}, {1, 7}, {3, 4, 2}}) {
    INFO(sizes[0] << " x " << sizes[1]);
    check_exact(torus(sizes));
  }
  check_exact(nodes_of(node_of("ring", 6), 1, "none"));
}

TEST_CASE("so it does on twisted tori") {
  for (const std::vector<int>& sizes : {std::vector<int>{2, 4}, {4, 8}, {2, 2, 4}, {2, 4, 4}, {4, 4, 8}}) {
    INFO(sizes[0] << " x " << sizes[1]);
    check_exact(torus(sizes, true));
  }
}

TEST_CASE("an all-to-all over thousands of devices of a torus is a few flows of each") {
  const Cluster cluster = build_cluster(torus({16, 16, 16}));
  const Group group = whole(cluster);
  const auto traffic = direct_traffic(CollectiveKind::all_to_all, group);
  CHECK(traffic[0].pairs.size() == 4096 * 7);
  // One way round a ring of k cross k^2/8 pairs each link: k/8 of the buffer, at a sixth of what a device has.
  CHECK(routed(group, traffic[0].pairs).bottleneck == Approx(16.0 / 8 * 6 / 100e9));
  CHECK(routed(group, traffic[0].pairs).latency.value == Approx(3 * 8 * 1e-6));
  CHECK(traffic[0].posts == 4095);
}

TEST_CASE("where a torus does not look alike from everywhere every pair is written") {
  const auto folded = [](const ClusterSpec& spec, std::size_t members) {
    const Cluster cluster = build_cluster(spec);
    std::vector<DeviceId> chosen;
    for (std::size_t d = 0; d < members; ++d) chosen.emplace_back(d);
    return !torus_all_pairs(make_group(cluster, chosen), 0.1).empty();
  };
  ClusterSpec spec = torus({4, 4});
  CHECK(folded(spec, 16));
  CHECK_FALSE(folded(spec, 8));
  CHECK_FALSE(folded(nodes_of(node_of("mesh", 16, {4, 4}), 1, "none"), 16));
  spec.fabric.ecmp = "hash";  // one way round where both are equally long
  CHECK_FALSE(folded(spec, 16));
  spec.fabric.ecmp = "ideal";
  DegradedSpec slow;
  slow.between = std::vector<std::string>{"device 0", "device 1"};
  slow.rate = 0.5;
  spec.degraded.push_back(slow);
  CHECK_FALSE(folded(spec, 16));
}
