// The flow evaluator: max-min sharing of links, in closed form (to 1e-9).
#include <catch2/catch.hpp>

#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

static Approx about(double value) { return Approx(value).epsilon(1e-9).margin(0); }

TEST_CASE("one flow alone takes its bytes over the narrowest link") {
  const Cluster cluster = star(2, 50e9);
  Writer w(cluster);
  const OpId op = w.send(0, 1, 1e9);
  const Timeline t = run(simulate_flow, cluster, w.finish());
  CHECK(end_of(t, op) == about(0.02));
  CHECK(t.flows_simulated == 0);  // nobody can meet it
}

TEST_CASE("two flows that share a link each get half") {
  const Cluster cluster = star(3, 50e9);
  Writer w(cluster);
  const OpId a = w.send(0, 2, 1e9), b = w.send(1, 2, 1e9);
  const Timeline t = run(simulate_flow, cluster, w.finish());
  CHECK(end_of(t, a) == about(0.04));
  CHECK(end_of(t, b) == about(0.04));
  CHECK(t.flows_simulated == 2);
}

TEST_CASE("when a flow has finished, the other gets the whole link") {
  const Cluster cluster = star(3, 10);
  Writer w(cluster);
  const OpId a = w.send(0, 2, 10), b = w.send(1, 2, 30);
  const Timeline t = run(simulate_flow, cluster, w.finish());
  CHECK(end_of(t, a) == about(2));      // 5 B/s
  CHECK(end_of(t, b) == about(2 + 2));  // 10 B done, 20 left at 10 B/s
}

TEST_CASE("a flow with three copies gets three shares of a link") {
  const Cluster cluster = star(4, 8);
  Writer w(cluster);
  const OpId three = w.transfer(w.on(0, Stream::copy), {w.flow(0, 3, 1, 3)}, 12);  // 36 B cross the last link
  const OpId one = w.transfer(w.on(1, Stream::copy), {w.flow(1, 3)}, 16);
  const Timeline t = run(simulate_flow, cluster, w.finish());
  CHECK(end_of(t, three) == about(6));      // 6 of 8 B/s: 2 for each copy
  CHECK(end_of(t, one) == about(6 + 0.5));  // 12 B done by then, 4 left at 8 B/s
}

TEST_CASE("it does not matter whether bytes are those of a flow or of the buffer") {
  const Cluster cluster = star(3, 8);
  for (const double share : {0.25, 1.0, 7.0 / 3}) {
    Writer w(cluster);
    const OpId a = w.transfer(w.on(0, Stream::copy), {w.flow(0, 2, share)}, 12 / share);
    const OpId b = w.transfer(w.on(1, Stream::copy), {w.flow(1, 2)}, 12);
    const Timeline t = run(simulate_flow, cluster, w.finish());
    CHECK(end_of(t, a) == about(3));
    CHECK(end_of(t, b) == about(3));
  }
}

TEST_CASE("latency is paid per round before bytes move, and setup once") {
  const Cluster cluster = star(3, 10, 0.5);
  Writer w(cluster);
  const OpId a = w.transfer(w.on(0, Stream::copy), {w.flow(0, 2)}, 10, 4, 0.25);  // bytes from 4.25
  const OpId b = w.transfer(w.on(1, Stream::copy), {w.flow(1, 2)}, 60, 1, 0);     // bytes from 1
  const Timeline t = run(simulate_flow, cluster, w.finish());
  CHECK(end_of(t, a) == about(4.25 + 2));  // half of the link while both run
  CHECK(end_of(t, b) == about(6.25 + (60 - 32.5 - 10) / 10));
}

TEST_CASE("the two directions of a cable do not disturb each other") {
  const Cluster cluster = star(2, 10);
  Writer w(cluster);
  const OpId a = w.send(0, 1, 10), b = w.send(1, 0, 10), c = w.send(0, 1, 10, Stream::data);
  const Timeline t = run(simulate_flow, cluster, w.finish());
  CHECK(end_of(t, b) == about(1));
  CHECK(end_of(t, a) == about(2));
  CHECK(end_of(t, c) == about(2));
}

TEST_CASE("a pattern moves at the rate of its most loaded link") {
  const Cluster cluster = star(4, 10);
  Writer w(cluster);
  // A ring over 0, 1, 2; another flow takes half of the link into 1, so the whole ring runs at half speed.
  const OpId ring = w.transfer(w.on(0, Stream::tensor), {w.flow(0, 1), w.flow(1, 2), w.flow(2, 0)}, 10);
  const OpId other = w.send(3, 1, 10);
  const Timeline t = run(simulate_flow, cluster, w.finish());
  CHECK(end_of(t, ring) == about(2));
  CHECK(end_of(t, other) == about(2));
  CHECK(record_of(t, ring).energy_J == 0);
}
