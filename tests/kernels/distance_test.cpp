// Collectives whose hops are not alike: what distance costs a ring, a chain and a tree, against closed forms and against
// events, rank by rank.
#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/kernels/collective_requests.hpp"
#include "tests/kernels/two_regions.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

using K = CollectiveKind;

Cluster single_devices(std::pair<int, int> in_region, double distance_s) {
  return build_cluster(two_regions(with_nics(node_of("none", 1), 1), in_region, distance_s));
}

double time_of(const Cluster& cluster, K kind, double bytes, const char* algorithm) {
  CollectiveRequest request = request_of(kind, cluster.fabric.device_count(), bytes, algorithm);
  request.protocol = std::string(algorithm) == "binomial" ? "auto" : "simple";
  return alone(cluster, plan_collective(cluster, request));
}

// How often the distance is paid.
double crossings(std::pair<int, int> in_region, K kind, const char* algorithm) {
  const double bytes = 1e3;
  return (time_of(single_devices(in_region, 11e-3), kind, bytes, algorithm) -
          time_of(single_devices(in_region, 1e-3), kind, bytes, algorithm)) /
         10e-3;
}

double latency(const Cluster& cluster, std::uint32_t from, std::uint32_t to) {
  std::vector<Hop> hops;
  const auto place = [&](std::uint32_t device) { return cluster.fabric.vertex_of(DeviceId(device)); };
  return cluster.router->route(place(from), place(to), 0, hops).value;
}

// A ring by events: a rank sends for the t-th time once it has sent, and received, for the (t-1)-th.
double ring_by_events(const Cluster& cluster, std::uint32_t rounds, double busy_s) {
  const auto n = static_cast<std::uint32_t>(cluster.fabric.device_count());
  std::vector<double> hop, received(n, 0), sent(n, 0);
  for (std::uint32_t r = 0; r < n; ++r) hop.push_back(latency(cluster, r, (r + 1) % n));
  for (std::uint32_t t = 0; t < rounds; ++t) {
    std::vector<double> next(n);
    for (std::uint32_t r = 0; r < n; ++r) {
      sent[r] = std::max(sent[r], received[r]) + busy_s;
      next[(r + 1) % n] = sent[r] + hop[r];
    }
    received = next;
  }
  return *std::max_element(received.begin(), received.end());
}

}  // namespace

TEST_CASE("a chunk on its way round two regions crosses four times in an all-reduce, whatever the ring's length") {
  for (const int n : {8, 16, 64}) {
    INFO(n << " devices");
    const std::pair half{n / 2, n / 2};
    CHECK(crossings(half, K::all_reduce, "ring") == Approx(4));
    CHECK(crossings(half, K::reduce_scatter, "ring") == Approx(2));
    CHECK(crossings(half, K::all_gather, "ring") == Approx(2));
    CHECK(crossings(half, K::broadcast, "ring") == Approx(1));
    CHECK(crossings(half, K::reduce, "ring") == Approx(1));
    CHECK(crossings(half, K::broadcast, "binomial") == Approx(1));
    // The last rank is the root, its child is in the other region and has children in both: twice up and twice down.
    CHECK(crossings(half, K::all_reduce, "tree") == Approx(4));
  }
}

TEST_CASE("rings whose hops differ take the time that events take, rank by rank") {
  for (const auto& in_region : {std::pair(4, 4), std::pair(3, 5), std::pair(1, 6), std::pair(30, 34)})
    for (const K kind : {K::all_reduce, K::reduce_scatter, K::all_gather})
      for (const double bytes : {1e3, 1e8}) {
        INFO(in_region.first << " + " << in_region.second << ", " << bytes << " bytes");
        // What a round takes beside distance is read where there is none to speak of.
        const Cluster near = single_devices(in_region, 1e-9), far = single_devices(in_region, 5e-3);
        const auto n = static_cast<std::uint32_t>(in_region.first + in_region.second);
        const std::uint32_t rounds = (kind == K::all_reduce ? 2 : 1) * (n - 1);
        const double busy = (time_of(near, kind, bytes, "ring") - ring_by_events(near, rounds, 0)) / rounds;
        CHECK(busy > 0);
        CHECK(time_of(far, kind, bytes, "ring") == Approx(ring_by_events(far, rounds, busy)).epsilon(1e-6));
      }
}

TEST_CASE("a broadcast or reduction over regions takes few hops where it is short, and a chain where it is long") {
  const Cluster cluster = single_devices({16, 16}, 5e-3);
  for (const K kind : {K::broadcast, K::reduce}) {
    const auto chosen = [&](double bytes) {
      return plan_collective(cluster, request_of(kind, 32, bytes, "auto")).algorithm;
    };
    CHECK(chosen(1e3) == "binomial");
    CHECK(chosen(4e9) == "ring");
  }
  const Cluster near = build_cluster(nodes_of(with_nics(node_of("none", 1), 1), 32, "single-switch"));
  CHECK(plan_collective(near, request_of(K::broadcast, 32, 1e3, "auto")).algorithm == "ring");
}
