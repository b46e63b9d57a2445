// Optical circuits against what one computes by hand: how cables are divided, what changing costs, and who waits for whom.
#include "sim/circuits.hpp"

#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Devices around one optical switch: `circuits` cables of 1 B/s each, set anew in 10 s.
Cluster optical_star(std::size_t devices, std::uint32_t circuits, CircuitRules rules = {}) {
  Cluster cluster;
  const VertexId middle = cluster.fabric.add_vertex({VertexKind::network_switch, ~0u, {}});
  const LinkClassId light = cluster.fabric.add_link_class({"light", {}, Seconds(10)});
  for (std::size_t i = 0; i < devices; ++i) {
    const VertexId device = cluster.fabric.add_vertex({VertexKind::device, 0, DeviceId(i)});
    cluster.fabric.add_cable(device, middle, BytesPerSecond(circuits), Seconds(0), light, circuits);
    cluster.type_of.push_back(DeviceTypeId(std::size_t{0}));
    cluster.speed.push_back(1);
  }
  cluster.fabric.set_circuit_rules(rules);
  cluster.device_types.emplace_back();
  cluster.pools.push_back({"pool", DeviceTypeId(std::size_t{0}), 0, devices, devices});
  cluster.router = make_shortest_path_router(cluster.fabric);
  return cluster;
}

std::vector<Flow> ring(const Writer& w, std::size_t n, std::size_t stride) {
  std::vector<Flow> flows;
  for (std::size_t i = 0; i < n; ++i) flows.push_back(w.flow(i, (i + stride) % n));
  return flows;
}

RoutedPattern routed(const Cluster& cluster, const std::vector<Flow>& flows) {
  return route_pattern(cluster.fabric, *cluster.router, flows);
}

OpId transfer(Writer& w, std::vector<Flow> flows, double bytes, Phase phase, Stream stream = Stream::data) {
  Label label;
  label.phase = phase;
  return w.builder.transfer(w.on(flows.front().from.index() - 1, stream), w.builder.pattern(flows), bytes, 0,
                            Seconds(0), label);
}

constexpr auto passes = Phase::forward, gradients = Phase::gradient_sync;

struct OneAfterTheOther : JobDriver {  // two executions
  explicit OneAfterTheOther(std::shared_ptr<const Program> p) : program(std::move(p)) {}
  void start(Controls& controls) override { controls.submit(program); }
  void on_finished(FragmentId, Controls& controls) override {
    if (!again) controls.submit(program);
    again = true;
  }
  std::shared_ptr<const Program> program;
  bool again = false;
};

}  // namespace

TEST_CASE("a ring gets all circuits of its ports, two peers share them, and three of four leave one dark") {
  const Cluster cluster = optical_star(5, 4);
  const Writer w(cluster);
  CHECK(routed(cluster, ring(w, 5, 1)).bottleneck == Approx(1.0 / 4));
  std::vector<Flow> two = ring(w, 5, 1);
  for (const Flow& f : ring(w, 5, 2)) two.push_back(f);
  CHECK(routed(cluster, two).bottleneck == Approx(1.0 / 2));
  std::vector<Flow> three = two;
  for (const Flow& f : ring(w, 5, 3)) three.push_back(f);
  CHECK(routed(cluster, three).bottleneck == Approx(1.0));
}

TEST_CASE("circuits go to the pairs with most bytes per circuit") {
  const Cluster cluster = optical_star(3, 4);
  const Writer w(cluster);
  const RoutedPattern r = routed(cluster, {w.flow(0, 1, 0.75), w.flow(0, 2, 0.25)});
  CHECK(r.bottleneck == Approx(0.25));  // three and one: all equally long
  CHECK(r.fair_share == 0.75);
}

TEST_CASE("light that runs both ways joins a ring's port to two peers, each with half of its circuits") {
  CircuitRules rules;
  rules.duplex = true;
  const Cluster cluster = optical_star(4, 4, rules);
  const Writer w(cluster);
  CHECK(routed(cluster, ring(w, 4, 1)).bottleneck == Approx(1.0 / 2));
  std::vector<Flow> both = ring(w, 4, 1);
  for (const Flow& f : ring(w, 4, 3)) both.push_back(f);  // the other way round costs no further circuit
  CHECK(routed(cluster, both).bottleneck == Approx(1.0 / 2));
}

TEST_CASE("a port with more peers than circuits serves them in turn and pays for every setting") {
  CircuitRules rules;
  rules.in_turn = true;
  const Cluster cluster = optical_star(8, 2, rules);
  Writer w(cluster);
  std::vector<Flow> all_to_all;
  for (std::size_t s = 1; s < 8; ++s)
    for (const Flow& f : ring(w, 8, s)) all_to_all.push_back(f);
  const RoutedPattern r = routed(cluster, all_to_all);
  CHECK(r.switching_s == Approx(4 * 10));  // ceil(7 / 2) settings
  CHECK(r.bottleneck == Approx(7.0 / 2));
  const OpId op = transfer(w, all_to_all, 3, passes);
  const auto program = w.finish();
  for (Evaluator evaluate : {evaluate_analytic, simulate_flow})
    CHECK(end_of(run(evaluate, cluster, program), op) == Approx(40 + 3 * 3.5));
}

TEST_CASE("more peers than circuits are an error that names the port's need, unless peers are served in turn") {
  const Cluster cluster = optical_star(3, 1);
  Writer w(cluster);
  transfer(w, {w.flow(0, 1)}, 1, passes);
  transfer(w, {w.flow(0, 2)}, 1, passes);
  const auto program = w.finish();
  CHECK_THROWS_WITH(run(evaluate_analytic, cluster, program),
                    Catch::Contains("1 circuit that needs 2 peers") && Catch::Contains("in the passes"));
  CHECK_THROWS_AS(run(simulate_flow, cluster, program), SpecError);
}

TEST_CASE("changing from one phase's circuits to another's costs the reconfiguration time, keeping them nothing") {
  const Cluster cluster = optical_star(4, 1);
  Writer w(cluster);
  const OpId first = transfer(w, ring(w, 4, 1), 5, passes);
  const OpId second = transfer(w, ring(w, 4, 2), 7, gradients);
  const OpId third = transfer(w, ring(w, 4, 2), 1, gradients);
  w.builder.depend(second, first);
  w.builder.depend(third, second);
  const auto program = w.finish();
  for (Evaluator evaluate : {evaluate_analytic, simulate_flow}) {
    ListDriver driver({program, program});
    const Timeline t = run(evaluate, cluster, driver);
    CHECK(end_of(t, first) == Approx(5));  // set before the job begins
    CHECK(end_of(t, second) == Approx(5 + 10 + 7));
    CHECK(end_of(t, third) == Approx(5 + 10 + 7 + 1));
    CHECK(end_of(t, first, 1) == Approx(23 + 10 + 5));  // the next iteration finds them changed
    CHECK(t.circuit_changes == 3);
    CHECK(t.circuit_wait_s == Approx(30));
  }
}

TEST_CASE("a controller that knows the schedule sets circuits as soon as a phase is over, behind what is computed") {
  const Cluster cluster = optical_star(4, 1);
  Writer w(cluster);
  const OpId start = w.compute(0, 4);
  const OpId first = transfer(w, ring(w, 4, 1), 5, passes);
  const OpId between = w.compute(0, 8);
  const OpId second = transfer(w, ring(w, 4, 2), 7, gradients);
  w.builder.depend(first, start);
  w.builder.depend(between, first);
  w.builder.depend(second, between);
  const auto program = w.finish();
  for (Evaluator evaluate : {evaluate_analytic, simulate_flow}) {
    OneAfterTheOther driver(program);
    const Timeline t = run(evaluate, cluster, driver);
    CHECK(end_of(t, first) == Approx(4 + 5));           // set before the job begins
    CHECK(end_of(t, second) == Approx(9 + 10 + 7));     // asked for at 17, in place at 19
    CHECK(end_of(t, first, 1) == Approx(26 + 10 + 5));  // asked for at 30, in place at 36
    CHECK(end_of(t, second, 1) == Approx(41 + 10 + 7));
    CHECK(t.circuit_changes == 3);
    CHECK(t.circuit_wait_s == Approx(2 + 6 + 2));
  }
}

// Stages 0 to 2 pass to the next one hop after the other; then each ends its gradients with a device of its own.
static std::shared_ptr<const Program> pipeline_step(Writer& w) {
  const OpId one = transfer(w, {w.flow(0, 1)}, 1, passes, Stream::copy);
  const OpId two = transfer(w, {w.flow(1, 2)}, 1, passes, Stream::copy);
  w.builder.depend(two, one);
  for (std::size_t d = 0; d < 3; ++d) w.builder.depend(transfer(w, {w.flow(d, d + 3)}, 1, gradients), two);
  return w.finish();
}

TEST_CASE("all ports that a phase needs are set before its first transfer, not hop by hop as they are asked for") {
  const Cluster cluster = optical_star(6, 1);
  Writer w(cluster);
  const auto program = pipeline_step(w);
  for (Evaluator evaluate : {evaluate_analytic, simulate_flow}) {
    OneAfterTheOther driver(program);
    const Timeline t = run(evaluate, cluster, driver);
    // The ways out of 0 and 1 change from hops to gradients and back; that of 2 has no other use.
    CHECK(t.fragments[0].end_s == Approx(2 + 10 + 1));
    // Both are set as the iteration begins, dark once; hop by hop it would be dark twice: 33. That of 0 is set again after
    // the first hop, that of 1 after the second.
    CHECK(t.fragments[1].end_s - t.fragments[0].end_s == Approx(10 + 2 + 10 + 1));
    CHECK(t.circuit_changes == 2 + 1 + 2);
  }
}

TEST_CASE("transfers of two jobs on one port are served as they ask, whatever their schedules say") {
  const Cluster cluster = optical_star(3, 1);
  Writer one(cluster), two(cluster);
  const OpId a = transfer(one, {one.flow(0, 1)}, 4, passes, Stream::copy);
  const OpId b = transfer(two, {two.flow(0, 2)}, 5, passes, Stream::tensor);
  struct Both : JobDriver {
    std::shared_ptr<const Program> first, second;
    void start(Controls& controls) override {
      controls.submit(first);
      controls.submit(second);
    }
  } driver;
  driver.first = one.finish();
  driver.second = two.finish();
  for (Evaluator evaluate : {evaluate_analytic, simulate_flow}) {
    const Timeline t = run(evaluate, cluster, driver);
    CHECK(end_of(t, a, 0) == Approx(4));
    CHECK(end_of(t, b, 1) == Approx(4 + 10 + 5));
    CHECK(t.circuit_changes == 1);
  }
}

TEST_CASE("circuits that are never changed are divided over all phases by their bytes") {
  CircuitRules rules;
  rules.per_phase = false;
  const Cluster cluster = optical_star(4, 4, rules);
  Writer w(cluster);
  const OpId first = transfer(w, ring(w, 4, 1), 30, passes);
  const OpId second = transfer(w, ring(w, 4, 2), 10, gradients);
  w.builder.depend(second, first);
  const auto program = w.finish();
  for (Evaluator evaluate : {evaluate_analytic, simulate_flow}) {
    const Timeline t = run(evaluate, cluster, program);
    CHECK(end_of(t, first) == Approx(30.0 / 3));
    CHECK(end_of(t, second) == Approx(10 + 10.0 / 1));
    CHECK(t.circuit_changes == 0);
  }
}

TEST_CASE("whoever wants other circuits waits until their ports are idle, and those that come later wait behind it") {
  const Cluster cluster = optical_star(4, 1);
  Writer w(cluster);
  const OpId a = transfer(w, {w.flow(0, 1)}, 6, passes, Stream::copy);
  const OpId elsewhere = transfer(w, {w.flow(3, 2)}, 4, passes, Stream::expert);
  const OpId b = transfer(w, {w.flow(0, 2)}, 3, gradients, Stream::data);
  const OpId pause = w.compute(3, 2);
  const OpId c = transfer(w, {w.flow(0, 1)}, 1, passes, Stream::tensor);
  w.builder.depend(c, pause);
  const auto program = w.finish();
  for (Evaluator evaluate : {evaluate_analytic, simulate_flow}) {
    const Timeline t = run(evaluate, cluster, program);
    CHECK(end_of(t, a) == Approx(6));
    // The way into device 2 is busy with `elsewhere` until 4, the way out of device 0 with `a` until 6.
    CHECK(end_of(t, elsewhere) == Approx(4));
    CHECK(end_of(t, b) == Approx(6 + 10 + 3));
    CHECK(end_of(t, c) == Approx(19 + 10 + 1));  // though its circuit was there when it came
  }
}

TEST_CASE("transfers over the same circuit share it, those over another circuit of the same port do not notice") {
  const Cluster cluster = optical_star(3, 2);
  Writer w(cluster);
  const OpId a = transfer(w, {w.flow(0, 1)}, 4, passes, Stream::copy);
  const OpId b = transfer(w, {w.flow(0, 1)}, 2, passes, Stream::tensor);
  const OpId c = transfer(w, {w.flow(0, 2)}, 6, passes, Stream::expert);
  const auto program = w.finish();
  const Timeline t = run(simulate_flow, cluster, program);
  CHECK(end_of(t, b) == Approx(4));  // 1 B/s shared by two until both have moved 2
  CHECK(end_of(t, a) == Approx(6));
  CHECK(end_of(t, c) == Approx(6));
}

TEST_CASE("a cancelled transfer gives its circuits to who waits for them") {
  struct Canceller : JobDriver {
    std::shared_ptr<const Program> first, second;
    FragmentId cancelled;
    void start(Controls& controls) override {
      cancelled = controls.submit(first);
      controls.submit(second);
      controls.timer(Seconds(2), 0);
    }
    void on_event(const Event&, Controls& controls) override { controls.cancel(cancelled); }
  } driver;
  const Cluster cluster = optical_star(3, 1);
  Writer one(cluster), two(cluster);
  transfer(one, {one.flow(0, 1)}, 100, passes, Stream::copy);
  const OpId waits = transfer(two, {two.flow(0, 2)}, 5, passes, Stream::data);
  driver.first = one.finish();
  driver.second = two.finish();
  for (Evaluator evaluate : {evaluate_analytic, simulate_flow})
    CHECK(end_of(run(evaluate, cluster, driver), waits, 1) == Approx(2 + 10 + 5));
}
