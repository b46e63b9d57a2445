// Bodies that run ahead of the events must leave no trace: everything is held, bit for bit, against the same run under a
// governor that insists on hearing of every event.
#include <random>

#include <catch2/catch.hpp>

#include "sim/activity_governor.hpp"
#include "sim/record_lanes.hpp"
#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Communication slows Computes; answers depend on activity alone.
template <class Kind> class SlowedByTransfers : public Kind {
 public:
  Setting set(DeviceId, const Activity& activity, Seconds) override {
    ++asked;
    Setting setting;
    if (activity.computing && activity.transfers > 0) setting.point.share = activity.transfers > 1 ? 0.8 : 0.93;
    setting.point.clock = 1.1;
    setting.static_power = Watts(3);
    return setting;
  }
  int asked = 0;
};
using Ahead = SlowedByTransfers<ActivityGovernor>;
using ByEvents = SlowedByTransfers<Governor>;

struct Random {
  explicit Random(unsigned seed) : engine(seed) {}
  double operator()(double low, double high) {
    return low + (high - low) * static_cast<double>(engine() % 4096) / 4096;
  }
  std::size_t below(std::size_t n) { return engine() % n; }
  std::mt19937 engine;
};

// Three devices call passes of their own again and again and send to a fourth, which computes what comes: so messages
// begin and end at any moment of a pass. Times of few different lengths make many ends fall together.
std::shared_ptr<const Program> passes(const Cluster& cluster, unsigned seed, bool round_times) {
  Random random(seed);
  const auto time = [&] { return round_times ? 0.5 * static_cast<double>(1 + random.below(4)) : random(0.1, 2); };
  Writer w(cluster);
  std::vector<BodyId> bodies;
  for (std::size_t d = 0; d < 3; ++d) {
    bodies.push_back(w.builder.begin_body());
    OpId last;
    for (std::size_t i = 0, n = 4 + random.below(6); i < n; ++i) {
      const bool computes = i % 2 == 0 || random.below(3) == 0;
      const OpId op = computes ? w.compute(d, time(), random(1, 5))
                               : w.transfer(w.on(d, Stream::tensor), {w.flow(d, 3)}, random(0, 0.3), 1);
      w.builder.depend(op, last);
      last = op;
    }
    w.builder.end_body();
  }
  for (int i = 0; i < 12; ++i)
    for (std::size_t d = 0; d < 3; ++d) {
      const OpId call = w.builder.call(bodies[d], {});
      if (random.below(3) == 0) continue;
      const OpId message = w.send(d, 3, time(), random.below(2) == 0 ? Stream::copy : Stream::send_forward);
      if (random.below(2) == 0) w.builder.depend(message, call);
      w.builder.depend(w.compute(3, time()), message);
    }
  return w.finish();
}

Timeline run_under(Evaluator evaluate, const Cluster& cluster, Governor& governor, JobDriver& driver) {
  const std::vector<JobDriver*> drivers{&driver};
  return evaluate(cluster, HeadCost(), governor, drivers);
}

void check_the_same(const Timeline& ahead, const Timeline& by_events) {
  CHECK(identical(ahead, by_events));
  CHECK(ahead.events == by_events.events);
  REQUIRE(ahead.records.size() == by_events.records.size());
  for (std::size_t i = 0; i < ahead.records.size(); ++i) CHECK(ahead.records[i].call == by_events.records[i].call);
}

}  // namespace

TEST_CASE("passes that run ahead of the events give the same timeline, bit for bit, whatever disturbs them") {
  const Cluster cluster = star(4, 2, 0.01);
  for (unsigned seed = 0; seed < 24; ++seed) {
    INFO("seed " << seed);
    const auto program = passes(cluster, seed, seed % 2 == 1);
    ListDriver driver({program, passes(cluster, seed + 100, false), program});
    for (Evaluator evaluate : {evaluate_analytic, simulate_flow}) {
      Ahead ahead;
      ByEvents by_events;
      check_the_same(run_under(evaluate, cluster, ahead, driver), run_under(evaluate, cluster, by_events, driver));
    }
  }
}

TEST_CASE("a pass that nothing disturbs is not walked event by event") {
  const Cluster cluster = star(4);
  Writer w(cluster);
  const BodyId body = w.builder.begin_body();
  OpId last;
  for (int i = 0; i < 50; ++i) {
    const OpId compute = w.compute(0, 1, 1), transfer = w.transfer(w.on(0, Stream::tensor), {w.flow(0, 1)}, 1);
    w.builder.depend(compute, last);
    w.builder.depend(transfer, compute);
    last = transfer;
  }
  w.builder.end_body();
  for (int i = 0; i < 10; ++i) w.builder.call(body, {});
  ListDriver driver({w.finish()});
  Ahead ahead;
  ByEvents by_events;
  check_the_same(run_under(evaluate_analytic, cluster, ahead, driver),
                 run_under(evaluate_analytic, cluster, by_events, driver));
  CHECK(by_events.asked > 1000);
  CHECK(ahead.asked < 100);
}

TEST_CASE("a fragment that is cancelled in the middle of a pass leaves what it did until then") {
  class Cancelling : public JobDriver {
   public:
    Cancelling(std::shared_ptr<const Program> program, double at) : program_(std::move(program)), at_(at) {}
    void start(Controls& controls) override {
      first_ = controls.submit(program_);
      controls.submit(program_);
      controls.timer(Seconds(at_), 1);
    }
    void on_event(const Event&, Controls& controls) override { controls.cancel(first_); }

   private:
    std::shared_ptr<const Program> program_;
    double at_;
    FragmentId first_;
  };
  const Cluster cluster = star(4, 2, 0.01);
  for (const double at : {0.0, 0.5, 3.37, 11.0, 40.0}) {
    INFO(at);
    Cancelling driver(passes(cluster, 7, at == 0.5), at), same(passes(cluster, 7, at == 0.5), at);
    Ahead ahead;
    ByEvents by_events;
    check_the_same(run_under(evaluate_analytic, cluster, ahead, driver),
                   run_under(evaluate_analytic, cluster, by_events, same));
  }
}

TEST_CASE("lanes of records come out in the order of their ends, as far as the horizon") {
  RecordLanes lanes;
  const auto record = [](double end) { return Record{0, OpId(std::size_t{0}), 0, end, 0, {}}; };
  for (const double end : {1.0, 4.0, 9.0}) lanes.add(0, record(end));
  for (const double end : {2.0, 3.0, 8.0}) lanes.add(2, record(end));
  lanes.add(5, record(5));
  std::vector<Record> records;
  const auto ends = [&] {
    std::vector<double> all;
    for (const Record& r : records) all.push_back(r.end_s);
    return all;
  };
  lanes.move_until(4, records);
  CHECK(ends() == std::vector<double>{1, 2, 3, 4});
  CHECK(lanes.size() == 3);
  lanes.add(2, record(8));
  lanes.move_until(100, records);
  CHECK(ends() == std::vector<double>{1, 2, 3, 4, 5, 8, 8, 9});
  CHECK(lanes.size() == 0);
}
