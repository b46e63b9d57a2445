// The analytic evaluator: contention-free durations and the critical path, in closed form.
#include <catch2/catch.hpp>

#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

TEST_CASE("operations of one queue run one after the other") {
  const Cluster cluster = star(1);
  Writer w(cluster);
  const OpId a = w.compute(0, 2), b = w.compute(0, 3);
  const Timeline t = run(evaluate_analytic, cluster, w.finish());
  CHECK(end_of(t, a) == 2);
  CHECK(end_of(t, b) == 5);
  CHECK(t.end_s == 5);
}

TEST_CASE("a transfer alone takes setup, rounds of latency, and its bytes over the narrowest link") {
  const Cluster cluster = star(2, 4, 0.5);
  Writer w(cluster);
  const OpId op = w.transfer(w.on(0, Stream::copy), {w.flow(0, 1)}, 8, 3, 0.25);
  const Timeline t = run(evaluate_analytic, cluster, w.finish());
  CHECK(end_of(t, op) == Approx(0.25 + 3 * (0.5 + 0.5) + 8.0 / 4).epsilon(1e-12));
}

TEST_CASE("the analytic evaluator lets transfers pass through each other") {
  const Cluster cluster = star(3);
  Writer w(cluster);
  const OpId a = w.send(0, 2, 10), b = w.send(1, 2, 10);
  const Timeline t = run(evaluate_analytic, cluster, w.finish());
  CHECK(end_of(t, a) == 10);
  CHECK(end_of(t, b) == 10);
}
