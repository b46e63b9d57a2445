// Collectives between regions: what distance and wide-area links cost them, against closed forms, and what `auto` takes.
#include <catch2/catch.hpp>

#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/costs.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

constexpr double wide = 10e9, leaf = 2e-6;  // B/s between two regions; s of a NIC's cable

// Nodes of four devices, each with a NIC of 25 GB/s, under one switch per region.
Cluster regions(int count, int nodes_each, double distance_s, int gpus = 4) {
  ClusterSpec spec = nodes_of(switch_node(gpus, gpus), count * nodes_each, "wide-area");
  spec.fabric.link = link("fibre", wide, distance_s);
  spec.fabric.options = {{"regions", count}};
  FabricSpec inside;
  inside.kind = "single-switch";
  spec.fabric.inside = {inside};
  return build_cluster(spec);
}

CollectivePlan plan(const Cluster& cluster, CollectiveKind kind, double bytes, const char* algorithm = "auto") {
  CollectiveRequest request;
  request.kind = kind;
  request.bytes = Bytes(bytes);
  request.algorithm = algorithm;
  for (std::size_t d = 0; d < cluster.fabric.device_count(); ++d) request.members.emplace_back(d);
  return plan_collective(cluster, request);
}

double time_of(const Cluster& cluster, CollectiveKind kind, double bytes, const char* algorithm = "auto") {
  return time_alone(cluster, plan(cluster, kind, bytes, algorithm)).value;
}

}  // namespace

TEST_CASE("distance is paid once per other region and direction, and by a ring as often as a chunk crosses") {
  for (const int count : {2, 3, 5}) {
    const Cluster near = regions(count, 2, 1e-3), far = regions(count, 2, 11e-3);
    const auto paid = [&](CollectiveKind kind, const char* algorithm) {
      return (time_of(far, kind, 1e6, algorithm) - time_of(near, kind, 1e6, algorithm)) / 10e-3;
    };
    CHECK(paid(CollectiveKind::all_reduce, "regions") == Approx(2 * (count - 1)));
    CHECK(paid(CollectiveKind::reduce_scatter, "regions") == Approx(count - 1));
    CHECK(paid(CollectiveKind::all_gather, "regions") == Approx(count - 1));
    CHECK(paid(CollectiveKind::all_reduce, "ring") == Approx(2 * count));  // twice round
  }
}

TEST_CASE("rounds are those of three rings, one inside the other, instead of one over all ranks") {
  for (const int count : {2, 3, 5}) {
    const Cluster cluster = regions(count, 3, 1e-3);
    std::uint32_t rounds = 0;
    for (const CollectiveStep& step : plan(cluster, CollectiveKind::all_reduce, 1e6, "regions").steps)
      rounds += step.rounds;
    CHECK(rounds == 2u * ((3 - 1) + (static_cast<std::uint32_t>(count) - 1)));  // those that leave a node
  }
}

TEST_CASE("a region sends (R - 1)/R of the buffer each way over its wide-area link, the least there is") {
  const CollectiveCost reached = collective_calibration().find("nic", false, "regions", "simple").value();
  for (const int count : {2, 4}) {
    const Cluster cluster = regions(count, 2, 20e-3);
    const CollectivePlan plan_of = plan(cluster, CollectiveKind::all_reduce, 8e9, "regions");
    REQUIRE(plan_of.steps.size() == 6);  // in the node, between nodes, between regions, and back
    for (const std::size_t step : {std::size_t{2}, std::size_t{3}}) {
      const double time = time_alone(plan_of.steps[step],
                                     route_pattern(cluster.fabric, *cluster.router, plan_of.steps[step].flows))
                              .value;
      // Each of the 8 devices of a region sends (R - 1) of its R parts; all share one link.
      const double wires = 8e9 * (count - 1) / count / wide / reached.efficiency;
      const double distance = (count - 1) * (20e-3 + 4 * leaf), software = (count - 1) * reached.step.value;
      CHECK(time == Approx(wires + distance + software).epsilon(1e-6));
    }
  }
}

TEST_CASE("auto takes the hierarchy between regions for short and long buffers, and nothing else does better") {
  const Cluster cluster = regions(2, 4, 30e-3);
  for (const CollectiveKind kind :
       {CollectiveKind::all_reduce, CollectiveKind::reduce_scatter, CollectiveKind::all_gather})
    for (const double bytes : {8.0, 1e6, 1e9, 64e9}) {
      INFO(bytes << " bytes of " << collective_names[static_cast<std::size_t>(kind)]);
      CHECK(plan(cluster, kind, bytes).algorithm == "regions");
      CHECK(time_of(cluster, kind, bytes) < time_of(cluster, kind, bytes, "ring"));
    }
}

TEST_CASE("groups inside one region, and regions that are not alike, are left to the other algorithms") {
  const Cluster cluster = regions(2, 2, 1e-3);
  CollectiveRequest request;
  request.bytes = Bytes(1e6);
  const auto supported = [&](std::vector<std::size_t> devices) {
    request.members.clear();
    for (std::size_t d : devices) request.members.emplace_back(d);
    request.algorithm = "regions";
    try {
      return plan_collective(cluster, request).algorithm == "regions";
    } catch (const SpecError&) {
      return false;
    }
  };
  CHECK(supported({0, 1, 8, 9}));
  CHECK(supported({0, 8}));
  CHECK_FALSE(supported({0, 1, 4, 5}));
  CHECK_FALSE(supported({0, 1, 4, 8, 9}));
  CHECK_FALSE(supported({0, 4, 8}));
}
