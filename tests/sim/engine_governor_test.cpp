// Operating points: what a governor changes while a Compute runs, what it is told, and what devices draw.
#include <functional>

#include <catch2/catch.hpp>

#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

Evaluator either() { return GENERATE(as<Evaluator>(), evaluate_analytic, simulate_flow); }

class FunctionGovernor : public Governor {
 public:
  using Function = std::function<Setting(DeviceId, const Activity&, double)>;
  explicit FunctionGovernor(Function f) : function_(std::move(f)) {}
  Setting set(DeviceId device, const Activity& activity, Seconds now) override {
    return function_(device, activity, now.value);
  }

 private:
  Function function_;
};

Timeline run_under(Evaluator evaluate, const Cluster& cluster, Governor& governor,
                   std::shared_ptr<const Program> program) {
  ListDriver driver({std::move(program)});
  const std::vector<JobDriver*> drivers{&driver};
  return evaluate(cluster, HeadCost(), governor, drivers);
}

}  // namespace

TEST_CASE("a change of operating point re-times what is left of a Compute") {
  const Cluster cluster = star(1);
  Writer w(cluster);
  const OpId op = w.compute(0, 10, 100);
  FunctionGovernor governor([](DeviceId, const Activity&, double now) {  // half the clock from 4 s on
    Setting s;
    s.point.clock = now < 4 ? 1 : 0.5;
    if (now < 4) s.wake_at = Seconds(4);
    return s;
  });
  const Timeline t = run_under(either(), cluster, governor, w.finish());
  CHECK(end_of(t, op) == Approx(4 + 6 / 0.5).epsilon(1e-12));
  CHECK(record_of(t, op).energy_J == Approx(0.4 * 100 + 0.6 * 50).epsilon(1e-12));
}

TEST_CASE("the governor hears of each change of activity, after everything of that instant") {
  const Cluster cluster = star(2);
  Writer w(cluster);
  const OpId a = w.compute(0, 2, 6);
  const OpId b = w.compute(0, 2, 6);  // same power: nothing changes in between
  w.builder.depend(w.send(0, 1, 1), b);
  (void)a;
  std::vector<std::string> heard;
  FunctionGovernor governor([&](DeviceId device, const Activity& activity, double now) {
    if (device.value == 0)
      heard.push_back(
          fmt::format("{}: {} {} {}", now, activity.computing, activity.transfers, activity.dynamic_power.value));
    return Setting{};
  });
  run_under(evaluate_analytic, cluster, governor, w.finish());
  CHECK(heard == std::vector<std::string>{"0: false 0 0", "0: true 0 3", "4: false 1 0", "5: false 0 0"});
}

TEST_CASE("a governor that never changes anything leaves the result bit-identical") {
  const Evaluator evaluate = either();
  const Cluster cluster = star(4, 3);
  Writer w(cluster);
  for (std::size_t d = 0; d < 3; ++d)
    for (int i = 0; i < 5; ++i) {
      const OpId compute = w.compute(d, 0.1 + 0.07 * static_cast<double>(d), 1.3);
      w.builder.depend(w.send(d, 3, 0.31), compute);
    }
  const auto program = w.finish();
  ConstantGovernor constant(7);
  FunctionGovernor restless([](DeviceId, const Activity&, double now) {  // asks again and again, changes nothing
    Setting s;
    s.static_power = Watts(7);
    s.wake_at = Seconds(now + 0.013);
    return s;
  });
  CHECK(identical(run_under(evaluate, cluster, constant, program), run_under(evaluate, cluster, restless, program)));
}

TEST_CASE("static power is drawn by every named device from start to end") {
  const Cluster cluster = star(3);
  Writer w(cluster);
  w.compute(0, 10);
  w.compute(2, 4);
  ConstantGovernor governor(5);
  const Timeline t = run_under(either(), cluster, governor, w.finish());
  REQUIRE(t.devices.size() == 2);
  CHECK(t.devices[0].device.value == 0);
  CHECK(t.devices[0].static_energy_J == 50);
  CHECK(t.devices[1].device.value == 2);
  CHECK(t.devices[1].static_energy_J == 50);
}

TEST_CASE("static power follows what the governor says") {
  const Cluster cluster = star(1);
  Writer w(cluster);
  w.compute(0, 10);
  FunctionGovernor governor([](DeviceId, const Activity& activity, double now) {
    Setting s;
    s.static_power = Watts(now < 3 ? 2 : activity.computing ? 10 : 1);
    if (now < 3) s.wake_at = Seconds(3);
    return s;
  });
  const Timeline t = run_under(either(), cluster, governor, w.finish());
  CHECK(t.devices[0].static_energy_J == Approx(3 * 2 + 7 * 10));
}

TEST_CASE("a straggler's speed scales its clock") {
  Cluster cluster = star(2);
  cluster.speed[1] = 0.5;
  Writer w(cluster);
  const OpId a = w.compute(0, 3), b = w.compute(1, 3);
  const Timeline t = run(either(), cluster, w.finish());
  CHECK(end_of(t, a) == 3);
  CHECK(end_of(t, b) == 6);
}

TEST_CASE("a device at clock zero waits until its governor wakes it") {
  const Cluster cluster = star(1);
  Writer w(cluster);
  const OpId op = w.compute(0, 10, 8);
  FunctionGovernor governor([](DeviceId, const Activity&, double now) {  // stands still from 2 s to 5 s
    Setting s;
    s.point.clock = now >= 2 && now < 5 ? 0 : 1;
    s.wake_at = Seconds(now < 2 ? 2 : now < 5 ? 5 : std::numeric_limits<double>::infinity());
    return s;
  });
  const Timeline t = run_under(either(), cluster, governor, w.finish());
  CHECK(end_of(t, op) == Approx(13));
  CHECK(record_of(t, op).energy_J == Approx(8));
}

TEST_CASE("a device that stands still for ever is reported") {
  const Cluster cluster = star(1);
  Writer w(cluster);
  w.compute(0, 1);
  FunctionGovernor governor([](DeviceId, const Activity&, double) {
    Setting s;
    s.point.clock = 0;
    return s;
  });
  CHECK_THROWS_WITH(run_under(either(), cluster, governor, w.finish()), Catch::Contains("speed zero"));
}
