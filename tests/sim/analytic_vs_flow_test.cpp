// The two evaluators against each other on random programs whose queue order is fixed.
#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Layers of Computes and Transfers with random dependencies on earlier operations. `meet`: whether transfers may share
// links (random pairs), or only go from a device to the next (each link has one queue).
std::shared_ptr<const Program> random_program(const Cluster& cluster, std::mt19937& random, bool meet) {
  Writer w(cluster);
  const std::size_t devices = cluster.type_of.size();
  std::vector<OpId> all;
  for (int i = 0; i < 60; ++i) {
    const std::size_t d = random() % devices;
    const double size = 0.1 + static_cast<double>(random() % 1000) / 300;
    const auto rounds = static_cast<std::uint32_t>(random() % 3);
    OpId op;
    if (random() % 2 == 0) {
      op = w.compute(d, size);
    } else if (meet) {
      const std::size_t to = (d + 1 + random() % (devices - 1)) % devices;
      const double copies = static_cast<double>(1 + random() % 3),
                   share = 0.5 + 0.5 * static_cast<double>(random() % 3);
      op = w.transfer(w.on(d, random() % 2 == 0 ? Stream::copy : Stream::data),
                      {w.flow(d, to, share, copies), w.flow(to, d, share)}, size, rounds, 0.01);
    } else {
      op = w.transfer(w.on(d, Stream::copy), {w.flow(d, (d + 1) % devices)}, size, rounds, 0.01);
    }
    for (int k = 0; k < 2; ++k)
      if (!all.empty() && random() % 2 == 0) w.builder.depend(op, all[random() % all.size()]);
    all.push_back(op);
  }
  return w.finish();
}

}  // namespace

TEST_CASE("no operation ends earlier with contention than without") {
  // Holds operation by operation: queues and dependencies are fixed, so every end is a longest path of durations, and
  // none of these is shorter than alone.
  std::mt19937 random(11);
  const Cluster cluster = star(5, 2, 0.03);
  for (int trial = 0; trial < 25; ++trial) {
    const auto program = random_program(cluster, random, true);
    const Timeline alone = run(evaluate_analytic, cluster, program), shared = run(simulate_flow, cluster, program);
    CHECK(shared.flows_simulated > 0);
    REQUIRE(alone.records.size() == shared.records.size());
    std::vector<double> least(alone.records.size());
    for (const Record& r : alone.records) least[r.op.index()] = r.end_s;
    double worst = 0, energy = 0;
    for (const Record& r : shared.records) {
      worst = std::max(worst, (least[r.op.index()] - r.end_s) / r.end_s);
      energy += r.energy_J;
    }
    CHECK(worst <= 1e-12);
    CHECK(energy == 0);
  }
}

TEST_CASE("where no two transfers can meet, the evaluators agree to the last bit") {
  std::mt19937 random(12);
  const Cluster cluster = star(5, 2, 0.03);
  for (int trial = 0; trial < 10; ++trial) {
    const auto program = random_program(cluster, random, false);
    const Timeline flow = run(simulate_flow, cluster, program);
    CHECK(flow.flows_simulated == 0);
    CHECK(identical(run(evaluate_analytic, cluster, program), flow));
  }
}

TEST_CASE("a link never carries more than its bandwidth, and is never idle while it holds up a flow") {
  // All flows end in one device: its link is busy from the first byte to the last.
  std::mt19937 random(13);
  const Cluster cluster = star(9, 3);
  for (int trial = 0; trial < 10; ++trial) {
    Writer w(cluster);
    double bytes = 0;
    for (std::size_t d = 0; d < 8; ++d)
      for (int i = 0; i < 4; ++i) {
        const double size = 1 + static_cast<double>(random() % 100);
        w.send(d, 8, size);
        bytes += size;
      }
    CHECK(run(simulate_flow, cluster, w.finish()).end_s == Approx(bytes / 3).epsilon(1e-9));
  }
}
