// Proof by execution: every schedule of every algorithm, run on real integers, gives every rank the right result.
#include <cmath>
#include <numeric>
#include <optional>

#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/interpreter.hpp"
#include "kernels/collectives/options.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"
#include "tests/topologies/reducing.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

std::vector<std::pair<std::string, Cluster>> machines(std::uint32_t ranks) {
  std::vector<std::pair<std::string, Cluster>> all;
  const int n = static_cast<int>(ranks);
  NodeModel sharp = node_of("switch", n);
  sharp.scale_up.in_network_reduction = true;
  all.emplace_back("switch", build_cluster(nodes_of(sharp, 1, "none")));
  if (n > 1 && n <= 36) all.emplace_back("full mesh", build_cluster(nodes_of(node_of("full-mesh", n), 1, "none")));
  NodeModel eight = switch_node(8, 8);
  eight.scale_up.in_network_reduction = true;
  if (n > 8) all.emplace_back("nodes of 8", build_cluster(nodes_of(eight, (n + 7) / 8, "single-switch")));
  if (n > 4)
    all.emplace_back("nodes of 4, 2 NICs", build_cluster(nodes_of(switch_node(4, 2), (n + 3) / 4, "single-switch")));
  for (const auto& [regions, per_node] : {std::pair(2, 4), std::pair(3, 3), std::pair(4, 1)})
    if (n % (regions * per_node) == 0) {
      ClusterSpec spec = nodes_of(switch_node(per_node, per_node), n / per_node, "wide-area");
      spec.fabric.link = link("fibre", 10e9, 1e-3);
      spec.fabric.options = {{"regions", regions}};
      FabricSpec inside;
      inside.kind = "single-switch";
      spec.fabric.inside = {inside};
      all.emplace_back(std::to_string(regions) + " regions", build_cluster(spec));
    }
  ClusterSpec tree = nodes_of(with_nics(node_of("none", 1), 1), n, "fat-tree");
  tree.fabric.levels = 3;
  tree.fabric.radix = 8;
  all.emplace_back("reducing tree of three levels", build_cluster(reducing(std::move(tree))));
  if (n > 8) {
    ClusterSpec leaves = nodes_of(eight, (n + 7) / 8, "fat-tree");
    leaves.fabric.radix = 32;
    all.emplace_back("nodes of 8 under reducing leaves", build_cluster(reducing(std::move(leaves))));
  }
  if (n > 4)
    all.emplace_back("nodes of 4, 2 NICs, reducing switch",
                     build_cluster(reducing(nodes_of(switch_node(4, 2), (n + 3) / 4, "single-switch"))));
  for (int a = 2; a * a <= n; ++a)
    if (n % a == 0)
      all.emplace_back("torus of " + std::to_string(a),
                       build_cluster(nodes_of(node_of("torus", n, {a, n / a}, 4), 1, "none")));
  // Nodes without a switch, joined by another network.
  const auto joined = [&](const char* name, NodeModel node, int nics) {
    const int each = node.devices;
    if (n > each && n % each == 0 && n <= 64)
      all.emplace_back(name, build_cluster(nodes_of(with_nics(std::move(node), nics), n / each, "single-switch")));
  };
  joined("slices of 2 x 4", node_of("torus", 8, {2, 4}, 4), 2);
  joined("slices of 2 x 3", node_of("torus", 6, {2, 3}, 4), 1);
  joined("full meshes of 5", node_of("full-mesh", 5, {}, 4), 1);
  joined("hypercubes of 8", node_of("hypercube", 8, {}, 3), 1);
  if (n % 8 == 0)
    all.emplace_back("3D torus", build_cluster(nodes_of(node_of("torus", n, {2, n / 4, 2}, 6), 1, "none")));
  return all;
}

// Ranks in an order that is not the wiring's.
Group shuffled_members(const Cluster& cluster, std::uint32_t ranks) {
  std::vector<DeviceId> members;
  for (std::uint32_t r = 0; r < ranks; ++r) members.emplace_back(r % 2 == 0 ? r / 2 : ranks - 1 - r / 2);
  return make_group(cluster, members);
}

constexpr CollectiveKind kinds[] = {
    CollectiveKind::all_reduce,   CollectiveKind::reduce_scatter, CollectiveKind::all_gather, CollectiveKind::broadcast,
    CollectiveKind::reduce,       CollectiveKind::all_to_all,     CollectiveKind::gather,     CollectiveKind::scatter,
    CollectiveKind::send_receive, CollectiveKind::barrier};

template <class Check> void for_all_schedules(std::span<const std::uint32_t> sizes, Check check) {
  for (std::uint32_t n : sizes)
    for (const auto& [name, cluster] : machines(n)) {
      const Group group = shuffled_members(cluster, n);
      for (const auto& entry : collective_catalog())
        for (CollectiveKind kind : kinds) {
          if (!entry.value.supports(kind, group)) continue;
          INFO(entry.name << " " << collective_names[static_cast<std::size_t>(kind)] << " of " << n << " on " << name);
          check(entry.value, kind, group);
        }
    }
}

std::vector<std::uint32_t> up_to(std::uint32_t most) {
  std::vector<std::uint32_t> sizes(most - 1);
  std::iota(sizes.begin(), sizes.end(), 2u);
  return sizes;
}

}  // namespace

TEST_CASE("every schedule gives every rank the right result at every group size and odd buffer sizes") {
  std::vector<std::uint32_t> sizes = up_to(33);
  sizes.insert(sizes.end(), {64, 100, 128});
  for_all_schedules(sizes, [](const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
    const CollectiveSchedule s = algorithm.schedule(kind, group);
    for (std::size_t elements : {std::size_t{1}, std::size_t{37}, s.chunks + std::size_t{1}})
      REQUIRE(wrong_result(kind, s, elements).value_or("right") == "right");
  });
}

TEST_CASE("a schedule with one send left out gives a wrong result") {
  // Every send of small groups, a sample of large ones: each is a run of the whole schedule.
  std::vector<std::uint32_t> sizes = up_to(33);
  sizes.insert(sizes.end(), {64, 100, 128});
  for_all_schedules(sizes, [](const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
    const CollectiveSchedule s = algorithm.schedule(kind, group);
    std::size_t sends = 0;
    for (const Round& round : s.rounds) sends += round.sends.size();
    const std::size_t stride = 1 + sends / (group.ranks <= 17 ? 400 : group.ranks <= 33 ? 6 : 2);
    std::size_t place = 0;
    for (std::size_t t = 0; t < s.rounds.size(); ++t)
      for (std::size_t i = 0; i < s.rounds[t].sends.size(); ++i)
        if (place++ % stride == 0) REQUIRE(wrong_result(kind, s, s.chunks, {t, i}));
  });
}

namespace {

std::map<LinkId, double> loads_of(const Group& group, const std::vector<PairTraffic>& pairs) {
  std::map<LinkId, double> loads;
  const Cluster& cluster = *group.cluster;
  for (const LinkLoad& load : route_pattern(cluster.fabric, *cluster.router, flows_of(group, pairs)).loads)
    loads[load.link] = load.weight;
  return loads;
}

// Whatever each hop takes. On a torus the longest ways along the axes need not follow each other.
void check_same_way(const CollectiveAlgorithm& algorithm, const LongestWay& closed, const LongestWay& summed) {
  for (std::uint32_t draw = 1; draw < 4; ++draw) {
    const HopDelay delay = [draw](std::uint32_t from, std::uint32_t to) {
      const std::uint32_t mixed = (from * 2654435761u + to * 40503u + draw * 97u) >> 7;
      return 1.0 + mixed % 100 + (mixed % 7 == 0 ? 1000.0 : 0.0);
    };
    if (&algorithm == &find(collective_catalog(), "torus-rings")->value)
      CHECK(closed(delay) >= summed(delay) * (1 - 1e-12));
    else
      CHECK(closed(delay) == Approx(summed(delay)).epsilon(1e-9));
  }
}

void check_same_traffic(const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
  const auto closed = traffic_of(algorithm, kind, group);
  const auto summed = aggregate(algorithm.schedule(kind, group), group);
  REQUIRE(closed.size() == (kind == CollectiveKind::all_to_all ? 1 : summed.size()));
  for (std::size_t p = 0; p < closed.size(); ++p) {
    CHECK(closed[p].rounds == summed[p].rounds);
    CHECK(closed[p].posts == summed[p].posts);
    const auto expected = loads_of(group, summed[p].pairs), found = loads_of(group, closed[p].pairs);
    REQUIRE(found.size() == expected.size());
    for (const auto& [link, weight] : expected) REQUIRE(found.at(link) == Approx(weight).epsilon(1e-9));
    if (closed[p].longest && summed[p].longest) check_same_way(algorithm, closed[p].longest, summed[p].longest);
  }
}

}  // namespace

TEST_CASE("the traffic of every algorithm loads every link as its schedule's sends do") {
  std::vector<std::uint32_t> sizes = up_to(33);
  sizes.push_back(64);
  for_all_schedules(sizes, check_same_traffic);
}

TEST_CASE("bandwidth-optimal algorithms send the least bytes that any can") {
  for_all_schedules(up_to(33), [](const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
    const auto optimal = [&](std::string_view name) { return &algorithm == &find(collective_catalog(), name)->value; };
    const double n = group.ranks;
    const bool power = std::has_single_bit(group.ranks);
    const bool spread = optimal("bruck") && kind != CollectiveKind::all_to_all;
    if (optimal("hierarchical") && kind == CollectiveKind::all_to_all) return;
    if (!(optimal("ring") || optimal("hierarchical") || optimal("direct") || optimal("regions") ||
          optimal("pairwise") || optimal("torus-rings") || spread || optimal("pat") ||
          (optimal("halving-doubling") && power)))
      return;
    std::vector<double> sent(group.ranks, 0);
    for (const TrafficPhase& phase : aggregate(algorithm.schedule(kind, group), group))
      for (const PairTraffic& pair : phase.pairs) sent[pair.from] += pair.share * pair.copies;
    const double most = *std::max_element(sent.begin(), sent.end());
    if (kind == CollectiveKind::all_reduce) CHECK(most == Approx(2 * (n - 1) / n));
    if (kind == CollectiveKind::reduce_scatter || kind == CollectiveKind::all_gather ||
        kind == CollectiveKind::all_to_all)
      CHECK(most == Approx((n - 1) / n));
    if (kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce) CHECK(most == Approx(1));
    if (kind == CollectiveKind::scatter) CHECK(most == Approx((n - 1) / n));
  });
}

TEST_CASE("round counts are the known ones") {
  for_all_schedules(up_to(33), [](const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group) {
    const auto is = [&](std::string_view name) { return &algorithm == &find(collective_catalog(), name)->value; };
    const std::uint32_t n = group.ranks, log2 = static_cast<std::uint32_t>(std::bit_width(n) - 1);
    const std::size_t rounds = algorithm.schedule(kind, group).rounds.size();
    if (is("ring") && kind == CollectiveKind::all_reduce) CHECK(rounds == 2 * (n - 1));
    if (is("ring") && (kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter))
      CHECK(rounds == n - 1);
    if (is("halving-doubling") && kind == CollectiveKind::all_reduce)
      CHECK(rounds == 2 * log2 + (std::has_single_bit(n) ? 0 : 2));
    if (is("tree") && group.one_node()) CHECK(rounds == 2 * log2);
    if ((is("direct") || is("one-shot")) && kind == CollectiveKind::all_to_all) CHECK(rounds == 1);
    if (is("pairwise")) CHECK(rounds == n - 1);
    const std::uint32_t up = log2 + (std::has_single_bit(n) ? 0 : 1);
    if (is("bruck") || is("pat") || is("binomial") || kind == CollectiveKind::barrier) CHECK(rounds == up);
    if (is("recursive-doubling")) CHECK(rounds == log2 + (std::has_single_bit(n) ? 0 : 2));
    if (is("one-shot")) CHECK(rounds == 1);
    if (is("direct") && kind == CollectiveKind::all_reduce) CHECK(rounds == 2);
    if (is("nvls") && kind == CollectiveKind::all_reduce) CHECK(rounds == 4);
  });
}
