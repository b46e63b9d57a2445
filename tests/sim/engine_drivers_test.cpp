// Drivers: fragments one after the other, timers, cancelling.
#include <functional>

#include <catch2/catch.hpp>

#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

Evaluator either() { return GENERATE(as<Evaluator>(), evaluate_analytic, simulate_flow); }

struct FunctionDriver : JobDriver {
  std::function<void(Controls&)> on_start = [](Controls&) {};
  std::function<void(FragmentId, Controls&)> finished = [](FragmentId, Controls&) {};
  std::function<void(std::uint64_t, Controls&)> timer = [](std::uint64_t, Controls&) {};
  void start(Controls& c) override { on_start(c); }
  void on_finished(FragmentId f, Controls& c) override { finished(f, c); }
  void on_event(const Event& e, Controls& c) override { timer(e.tag, c); }
};

std::shared_ptr<const Program> one_compute(const Cluster& cluster, std::size_t device, double seconds,
                                           double joules = 0) {
  Writer w(cluster);
  w.compute(device, seconds, joules);
  return w.finish();
}

}  // namespace

TEST_CASE("a synchronous driver runs its iterations one after the other") {
  const Cluster cluster = star(1);
  SynchronousDriver driver(one_compute(cluster, 0, 3), 4);
  const Timeline t = run(either(), cluster, driver);
  REQUIRE(t.fragments.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(t.fragments[i].start_s == 3 * static_cast<double>(i));
    CHECK(t.fragments[i].end_s == 3 * static_cast<double>(i + 1));
  }
  CHECK(t.end_s == 12);
}

TEST_CASE("a driver that submits when a fragment finishes goes on at that time") {
  const Cluster cluster = star(2);
  FunctionDriver driver;
  driver.on_start = [&](Controls& c) { c.submit(one_compute(cluster, 0, 2)); };
  driver.finished = [&](FragmentId f, Controls& c) {
    if (f.value == 0) c.submit(one_compute(cluster, 1, 5));
  };
  const Timeline t = run(either(), cluster, driver);
  REQUIRE(t.fragments.size() == 2);
  CHECK(t.fragments[1].start_s == 2);
  CHECK(t.end_s == 7);
  REQUIRE(t.fragments[1].program->queues.size() == 1);  // a Program the caller never saw comes back whole
  CHECK(t.fragments[1].program->queues[0].device.value == 1);
}

TEST_CASE("a fragment starts when all before it have finished") {
  const Cluster cluster = star(3);
  FunctionDriver driver;
  driver.on_start = [&](Controls& c) {
    const FragmentId before[] = {c.submit(one_compute(cluster, 0, 2)), c.submit(one_compute(cluster, 1, 6))};
    c.submit(one_compute(cluster, 2, 1), before);
  };
  const Timeline t = run(either(), cluster, driver);
  CHECK(t.fragments[2].start_s == 6);
  CHECK(t.end_s == 7);
}

TEST_CASE("fragments of two jobs share a queue in the order they became active") {
  const Cluster cluster = star(1);
  SynchronousDriver a(one_compute(cluster, 0, 2), 2), b(one_compute(cluster, 0, 3), 1);
  ConstantGovernor governor;
  const std::vector<JobDriver*> drivers{&a, &b};
  const Timeline t = either()(cluster, HeadCost(), governor, drivers);
  REQUIRE(t.fragments.size() == 3);
  CHECK(t.fragments[1].job == 1);
  CHECK(t.fragments[1].end_s == 5);
  CHECK(t.fragments[2].job == 0);
  CHECK(t.fragments[2].end_s == 7);
}

TEST_CASE("timers ring at their date, and later than the last operation too") {
  const Cluster cluster = star(1);
  FunctionDriver driver;
  driver.on_start = [&](Controls& c) {
    c.submit(one_compute(cluster, 0, 1));
    c.timer(Seconds(10), 7);
    c.timer(Seconds(4), 5);
  };
  driver.timer = [&](std::uint64_t tag, Controls& c) { c.submit(one_compute(cluster, 0, static_cast<double>(tag))); };
  const Timeline t = run(either(), cluster, driver);
  REQUIRE(t.fragments.size() == 3);
  CHECK(t.fragments[1].start_s == 4);
  CHECK(t.fragments[1].end_s == 9);
  CHECK(t.fragments[2].start_s == 10);
  CHECK(t.end_s == 17);
}

TEST_CASE("a cancelled fragment stops at once, frees its queues, and keeps what it spent on record") {
  const Cluster cluster = star(1);
  FunctionDriver driver;
  driver.on_start = [&](Controls& c) {
    Writer w(cluster);
    w.compute(0, 10, 40);
    w.compute(0, 10, 40);
    const FragmentId doomed = c.submit(w.finish());
    c.submit(one_compute(cluster, 0, 1));  // behind it in the queue
    c.submit(one_compute(cluster, 0, 2), {&doomed, 1});
    c.timer(Seconds(4), 0);
  };
  driver.timer = [](std::uint64_t, Controls& c) { c.cancel(FragmentId(std::size_t{0})); };
  int told = 0;
  driver.finished = [&](FragmentId f, Controls&) { told += f.value == 0; };
  const Evaluator evaluate = either();
  const Timeline t = run(evaluate, cluster, driver);
  CHECK(t.fragments[0].cancelled);
  CHECK(t.fragments[0].end_s == 4);
  CHECK(t.fragments[1].end_s == 5);
  CHECK(t.fragments[2].start_s == 4);
  CHECK(t.end_s == 7);
  CHECK(told == 0);
  REQUIRE(t.records.size() == 3);  // the first operation, cut short, and one of each other fragment
  CHECK(t.records[0].end_s == 4);
  CHECK(t.records[0].energy_J == Approx(16));
}

TEST_CASE("cancelling a flow gives its bandwidth to the others") {
  const Cluster cluster = star(3, 10);
  FunctionDriver driver;
  driver.on_start = [&](Controls& c) {
    for (std::size_t d = 0; d < 2; ++d) {
      Writer w(cluster);
      w.send(d, 2, 100);
      c.submit(w.finish());
    }
    c.timer(Seconds(4), 0);
  };
  driver.timer = [](std::uint64_t, Controls& c) { c.cancel(FragmentId(std::size_t{0})); };
  const Timeline t = run(simulate_flow, cluster, driver);
  CHECK(t.fragments[1].end_s == Approx(4 + 80 / 10.0).epsilon(1e-9));
}

TEST_CASE("a program submitted later shares links that a running transfer had for itself") {
  const Cluster cluster = star(4, 10);
  FunctionDriver driver;
  driver.on_start = [&](Controls& c) {
    Writer w(cluster);
    w.send(0, 3, 100);  // alone, so far
    c.submit(w.finish());
    c.timer(Seconds(4), 1);
    c.timer(Seconds(6), 2);
  };
  driver.timer = [&](std::uint64_t from, Controls& c) {
    Writer w(cluster);
    w.send(from, 3, 10);
    c.submit(w.finish());
  };
  const Timeline t = run(simulate_flow, cluster, driver);
  // 4 s alone (40 B), 2 s at half speed (10 B, the newcomer has 10 B and ends), 2 s at half speed, 4 s alone
  CHECK(t.fragments[1].end_s == Approx(6).epsilon(1e-9));
  CHECK(t.fragments[2].end_s == Approx(8).epsilon(1e-9));
  CHECK(t.fragments[0].end_s == Approx(12).epsilon(1e-9));
  CHECK(t.flows_simulated == 3);
}

TEST_CASE("a program submitted while latency is being paid is met too") {
  const Cluster cluster = star(3, 10, 1);
  FunctionDriver driver;
  driver.on_start = [&](Controls& c) {
    Writer w(cluster);
    w.transfer(w.on(0, Stream::copy), {w.flow(0, 2)}, 100, 3);  // bytes from 6 s on
    c.submit(w.finish());
    c.timer(Seconds(2), 1);
  };
  driver.timer = [&](std::uint64_t, Controls& c) {
    Writer w(cluster);
    w.send(1, 2, 60);
    c.submit(w.finish());
  };
  const Timeline t = run(simulate_flow, cluster, driver);
  CHECK(t.fragments[1].end_s == Approx(6 + 20 / 5.0).epsilon(1e-9));  // 40 B alone, 20 B at half
  CHECK(t.fragments[0].end_s == Approx(10 + 80 / 10.0).epsilon(1e-9));
}
