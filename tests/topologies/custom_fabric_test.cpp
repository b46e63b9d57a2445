// Fabrics given as graphs, with equal-cost paths and static routes.
#include <algorithm>

#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Four switches in a square, the nodes of two NICs on them; the cable 2-3 is double.
constexpr const char* square =
    R"({"switches": 4, "links": [[0, 1], [1, 2], [2, 3, 2], [3, 0]], "attach": [0, 1, 2, 3]})";

ClusterSpec custom(const std::string& options) {
  ClusterSpec spec = nodes_of(switch_node(2, 2), 4, "custom");
  spec.fabric.options = parse_json(options, "test");
  return spec;
}

RoutedPattern flow(const Cluster& cluster, std::size_t a, std::size_t b) {
  const Flow one{cluster.fabric.vertex_of(DeviceId(a)), cluster.fabric.vertex_of(DeviceId(b)), 1, 0, 1};
  return route_pattern(cluster.fabric, *cluster.router, {&one, 1});
}

std::string pointer_of_fault(const std::string& options) {
  try {
    build_cluster(custom(options));
  } catch (const SpecError& error) {
    return error.faults().at(0).pointer;
  }
  return "built";
}

}  // namespace

TEST_CASE("a fabric given as a graph takes the fewest hops, split over equal ones by their width") {
  const Cluster cluster = build_cluster(custom(square));
  CHECK(flow(cluster, 0, 2).loads.size() == 5);  // host, NIC, one cable, NIC, host
  const RoutedPattern across = flow(cluster, 0, 4);
  CHECK(across.loads.size() == 8);  // both ways round the square
  CHECK(across.latency.value == Approx(4 * 2e-6));
  CHECK(1 / across.bottleneck == Approx(25e9));
}

TEST_CASE("a static route is taken as it is laid down, in its direction only") {
  std::string options = square;
  options.insert(options.size() - 1, R"(, "routes": [{"from": 0, "to": 2, "via": [0, 3, 2, 1]}])");
  const Cluster cluster = build_cluster(custom(options));
  CHECK(flow(cluster, 0, 2).loads.size() == 7);
  CHECK(flow(cluster, 2, 0).loads.size() == 5);
  CHECK(flow(cluster, 1, 3).loads.size() == 5);
}

TEST_CASE("hashing takes one of parallel cables per flow, written as one bundle or one by one, on laid routes too") {
  const auto cables_used = [](const char* links, bool laid) {
    ClusterSpec spec = nodes_of(switch_node(8, 8), 2, "custom");
    spec.fabric.ecmp = "hash";
    spec.fabric.options = parse_json(R"({"switches": 2, "attach": [0, 1]})", "test");
    spec.fabric.options["links"] = parse_json(links, "test");
    if (laid) spec.fabric.options["routes"] = parse_json(R"([{"from": 0, "to": 8, "via": [0, 1]}])", "test");
    const Cluster cluster = build_cluster(spec);
    std::vector<std::size_t> used;
    for (std::uint64_t key = 0; key < 16; ++key) {
      const Flow one{cluster.fabric.vertex_of(DeviceId(std::size_t{0})),
                     cluster.fabric.vertex_of(DeviceId(std::size_t{8})), 1, key, 1};
      const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, {&one, 1});
      CHECK(1 / routed.bottleneck == Approx(25e9));
      for (const LinkLoad& load : routed.loads) {
        const Link& link = cluster.fabric.link(load.link);
        const bool trunk = cluster.fabric.vertex(link.from).node == ~0u && cluster.fabric.vertex(link.to).node == ~0u;
        if (trunk && std::find(used.begin(), used.end(), load.link.index()) == used.end())
          used.push_back(load.link.index());
      }
    }
    return used;
  };
  for (bool laid : {false, true}) {
    CHECK(cables_used("[[0, 1, 4]]", laid).size() == 4);
    CHECK(cables_used("[[0, 1, 4]]", laid) == cables_used("[[0, 1], [0, 1], [0, 1], [0, 1]]", laid));
  }
  CHECK(pointer_of_fault(R"({"switches": 2, "links": [[0, 1, 0.5]], "attach": [0, 0, 1, 1]})") == "built");
}

TEST_CASE("graphs that cannot be are refused where they are wrong") {
  CHECK(pointer_of_fault(R"({"switches": 2, "attach": [0, 0, 1, 1]})") == "/fabric/options/links");
  CHECK(pointer_of_fault(R"({"switches": 2, "links": [[0, 2]], "attach": [0, 0, 1, 1]})") ==
        "/fabric/options/links/0/1");
  CHECK(pointer_of_fault(R"({"switches": 2, "links": [[0, 1]]})") == "/fabric/options/attach");
  CHECK(pointer_of_fault(R"({"switches": 2, "links": [[0, 1]], "attach": [0, 0, 1, 2]})") ==
        "/fabric/options/attach/3");
  CHECK(pointer_of_fault(
            R"({"switches": 2, "links": [[0, 1]], "attach": [0, 0, 1, 1],
                "routes": [{"from": 0, "to": 4, "via": [1]}]})") == "/fabric/options/routes/0/via");
  CHECK(pointer_of_fault(R"({"attach": [0, 0]})") == "/fabric/options/attach");
  CHECK(pointer_of_fault(R"({"attach": [0, 0, 0, 0]})") == "built");
  CHECK(pointer_of_fault(R"({"switchs": 2})") == "/fabric/options/switchs");
  CHECK(pointer_of_fault(R"({"switches": 3, "links": [[0, 1]], "attach": [0, 0, 1, 1]})") ==
        "/fabric/options/switches");
  const std::string routes = R"({"switches": 2, "links": [[0, 1]], "attach": [0, 0, 1, 1], "routes": [
      {"from": 0, "to": 4, "via": [0, 1]}, )";
  CHECK(pointer_of_fault(routes + R"({"from": 4, "to": 0, "via": [1, 0]}]})") == "built");
  CHECK(pointer_of_fault(routes + R"({"from": 0, "to": 4, "via": [0, 1]}]})") == "/fabric/options/routes/1");
  CHECK(pointer_of_fault(routes + R"({"from": 1, "to": 1, "via": [0]}]})") == "/fabric/options/routes/1/to");
  CHECK(pointer_of_fault(routes + R"({"from": 4, "to": 0, "via": [1, 0, 1, 0]}]})") ==
        "/fabric/options/routes/1/via/2");
}

TEST_CASE("cables between two switches are one bundle however they are listed, on laid routes too") {
  const auto rate = [](const char* links) {
    ClusterSpec spec = custom(R"({"switches": 2, "attach": [0, 0, 1, 1],
        "routes": [{"from": 0, "to": 4, "via": [0, 1]}, {"from": 1, "to": 5, "via": [0, 1]}]})");
    spec.fabric.options["links"] = parse_json(links, "test");
    const Cluster cluster = build_cluster(spec);
    const auto at = [&](std::size_t device) { return cluster.fabric.vertex_of(DeviceId(device)); };
    const std::vector<Flow> flows{{at(0), at(4), 1, 0, 1}, {at(1), at(5), 1, 0, 1}};
    return 1 / route_pattern(cluster.fabric, *cluster.router, flows).bottleneck;
  };
  CHECK(rate("[[0, 1]]") == Approx(12.5e9));
  for (const char* links : {"[[0, 1, 2]]", "[[0, 1], [0, 1]]", "[[0, 1], [1, 0]]"}) CHECK(rate(links) == Approx(25e9));
}

TEST_CASE("a number of cables has a bound") {
  for (const char* cables : {"65537", "1e10", "1e300"})
    CHECK(pointer_of_fault(std::string(R"({"switches": 2, "attach": [0, 0, 1, 1], "links": [[0, 1, )") + cables +
                           "]]}") == "/fabric/options/links/0");
}
