// Two-level collectives over nodes without a switch (slices of a torus, full meshes): each level against its closed form.
#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/options.hpp"
#include "kernels/collectives/trees.hpp"
#include "sim/routes.hpp"
#include "tests/kernels/collective_requests.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

using K = CollectiveKind;

constexpr double ici = 100e9, nic = 25e9;  // B/s each way

CollectivePlan plan_of(const Cluster& cluster, K kind, double bytes, const char* algorithm) {
  return plan_collective(cluster, request_of(kind, cluster.fabric.device_count(), bytes, algorithm));
}

// Seconds per byte of the buffer on the most loaded link of each phase, at the links' own rate.
std::vector<double> wires(const Cluster& cluster, const CollectivePlan& plan) {
  std::vector<double> phases;
  for (const CollectiveStep& step : plan.steps)
    phases.push_back(route_pattern(cluster.fabric, *cluster.router, step.flows).bottleneck);
  return phases;
}

void check_wires(const Cluster& cluster, K kind, const std::vector<double>& expected) {
  const CollectivePlan plan = plan_of(cluster, kind, 1e9, "hierarchical");
  const std::vector<double> found = wires(cluster, plan);
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).epsilon(1e-9));
}

Cluster slices_of(int slices, int nics = 8) {  // of 4 x 4 devices with four links each
  return build_cluster(nodes_of(with_nics(node_of("torus", 16, {4, 4}, 4), nics), slices, "single-switch"));
}

}  // namespace

TEST_CASE("over slices of a torus an all-reduce is a slice's own one around rings over all NICs") {
  const Cluster alone_cluster = build_cluster(nodes_of(node_of("torus", 16, {4, 4}, 4), 1, "none"));
  const double one_slice = wires(alone_cluster, plan_of(alone_cluster, K::all_reduce, 1e9, "auto")).front();
  CHECK(one_slice == Approx(2 * 15.0 / 16 / (4 * ici)));
  for (const int slices : {2, 4}) {
    const Cluster cluster = slices_of(slices);
    const double between = (slices - 1.0) / slices / (8 * nic);
    check_wires(cluster, K::all_reduce, {one_slice / 2, 2 * between, one_slice / 2});
    // The halves go round a slice one way, as alone.
    check_wires(cluster, K::reduce_scatter, {15.0 / 16 / ici, between});
    check_wires(cluster, K::all_gather, {between, 15.0 / 16 / ici});
    const CollectivePlan plan = plan_of(cluster, K::all_reduce, 1e9, "hierarchical");
    CHECK(plan.steps[1].rounds == 2u * (static_cast<std::uint32_t>(slices) - 1));
  }
}

// A line of 4 is reduced from both ends: its first link carries 3/4 of what is due along it, of all four parts 3/8; the second
// axis a quarter of that. A ring of 8 carries 7/8 of half the buffer each way.
TEST_CASE("slices that do not wrap round, and rings, go by levels as a torus does") {
  const Cluster meshes = build_cluster(nodes_of(with_nics(node_of("mesh", 16, {4, 4}, 4), 2), 2, "single-switch"));
  const double lines = 3.0 / 8 * (1 + 1.0 / 4) / ici, half = 1.0 / 2 / (2 * nic);
  check_wires(meshes, K::all_reduce, {lines, 2 * half, lines});
  const Cluster rings = build_cluster(nodes_of(with_nics(node_of("ring", 8, {}, 2), 2), 2, "single-switch"));
  const double ring = 7.0 / 8 / (2 * ici);
  check_wires(rings, K::all_reduce, {ring, 2 * half, ring});
  for (const Cluster* cluster : {&meshes, &rings}) {
    const auto time = [&](const char* algorithm) {
      return alone(*cluster, plan_of(*cluster, K::all_reduce, 1e9, algorithm));
    };
    CHECK(plan_of(*cluster, K::all_reduce, 1e9, "auto").algorithm == "hierarchical");
    CHECK(time("auto") < time("tree"));
    CHECK(time("auto") < time("ring"));
    CHECK(plan_of(*cluster, K::all_gather, 1e9, "auto").why.find("hierarchical") != std::string::npos);
  }
}

TEST_CASE("without a torus the members of a node go round its links") {
  const Cluster cluster = build_cluster(nodes_of(with_nics(node_of("full-mesh", 5, {}, 4), 5), 3, "single-switch"));
  // Two edge-disjoint cycles, both ways.
  check_wires(cluster, K::all_reduce, {4.0 / 5 / (4 * ici), 2 * 2.0 / 3 / (5 * nic), 4.0 / 5 / (4 * ici)});
  check_wires(cluster, K::all_gather, {2.0 / 3 / (5 * nic), 4.0 / 5 / (4 * ici)});
}

// A ring of all devices sends nearly twice the buffer over the NICs, levels 2(s - 1)/s of it: fewer where slices are few.
TEST_CASE("auto goes by levels over slices with few NICs, and takes neither a tree nor a ring of all devices") {
  for (const int slices : {2, 4}) {
    const Cluster cluster = slices_of(slices, 2);
    const auto time = [&](const char* algorithm) {
      return alone(cluster, plan_of(cluster, K::all_reduce, 1e9, algorithm));
    };
    CHECK(plan_of(cluster, K::all_reduce, 1e9, "auto").algorithm == "hierarchical");
    CHECK(time("auto") < time("tree"));
    CHECK(time("auto") < time("ring"));
  }
  // A switch in the node: as libraries do.
  const Cluster switched = build_cluster(nodes_of(switch_node(8, 8), 2, "single-switch"));
  CHECK(plan_of(switched, K::all_reduce, 1e9, "auto").why.find("hierarchical") == std::string::npos);
}

TEST_CASE("over slices of thousands of devices neither trees nor rings through all of them are considered") {
  for (const bool large : {false, true}) {
    const NodeModel slice = large ? node_of("torus", 4096, {64, 64}, 4) : node_of("torus", 64, {8, 8}, 4);
    const Cluster cluster = build_cluster(nodes_of(with_nics(slice, slice.devices / 2), 2, "single-switch"));
    const Group group = make_group(cluster, request_of(K::all_reduce, cluster.fabric.device_count(), 1, "").members);
    CHECK(tree_considered(K::all_reduce, group) != large);
    CHECK(ring_considered(K::all_reduce, group) != large);
    CHECK(hierarchical_considered(K::all_reduce, group));
    CHECK(ring_considered(K::broadcast, group));  // no levels for those
  }
}

TEST_CASE("a chain of a hundred thousand is measured as fast as it is long") {
  constexpr std::uint32_t n = 100'000;
  Tree chain;
  for (std::int64_t i = 0; i < n; ++i) chain.parent.push_back(i - 1);
  measure(chain);
  CHECK(chain.height.front() == n - 1);
  CHECK(chain.depth.back() == n - 1);
  CHECK(chain.depth.front() == 0);
  for (const Tree& tree : double_binary_tree(1000))
    for (std::size_t i = 0; i < 1000; ++i) {
      if (tree.parent[i] < 0) continue;
      const auto parent = static_cast<std::size_t>(tree.parent[i]);
      REQUIRE(tree.depth[i] == tree.depth[parent] + 1);
      REQUIRE(tree.height[parent] > tree.height[i]);
    }
}

TEST_CASE("optical links between the cubes of a slice are inside it") {
  NodeModel cubes = with_nics(node_of("torus", 16, {4, 4}, 4), 8);
  cubes.scale_up.optical_link = link("mirrors", 100e9, 1e-7);
  cubes.scale_up.options = {{"cube", {2, 4}}};
  const Cluster cluster = build_cluster(nodes_of(cubes, 2, "single-switch"));
  const CollectivePlan plan = plan_of(cluster, K::all_reduce, 1e9, "hierarchical");
  REQUIRE(plan.steps.size() == 3);
  const Group group = make_group(cluster, request_of(K::all_reduce, 32, 1e9, "auto").members);
  const LevelLoads inside = level_loads(group, route_pattern(cluster.fabric, *cluster.router, plan.steps[0].flows));
  CHECK(inside.outer == 0);
  CHECK(inside.inner > 0);
}
