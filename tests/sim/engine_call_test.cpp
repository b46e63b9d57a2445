#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// Devices 0 and 1 alternate Computes and an exchange in every micro-batch, then send to devices 2 and 3, which compute.
struct Pass {
  explicit Pass(Writer& writer) : w(writer) {}
  void write() {
    const OpId a = w.compute(0, 3, 5), b = w.compute(1, 4, 7);
    const std::vector<QueueId> both = {w.builder.queue(DeviceId(std::size_t{0}), Stream::tensor),
                                       w.builder.queue(DeviceId(std::size_t{1}), Stream::tensor)};
    const OpId exchange = w.transfer(w.builder.queue_set(both), {w.flow(0, 1), w.flow(1, 0)}, 2);
    w.builder.depend(exchange, a);
    w.builder.depend(exchange, b);
    first = {a, b};
    last = {w.compute(0, 1), w.compute(1, 2)};
    for (OpId op : last) w.builder.depend(op, exchange);
  }
  Writer& w;
  std::array<OpId, 2> first, last;
};

std::shared_ptr<const Program> micro_batches(const Cluster& cluster, bool called, int count) {
  Writer w(cluster);
  BodyId body;
  OpId previous;
  if (called) {
    body = w.builder.begin_body();
    Pass(w).write();
    w.builder.end_body();
  }
  for (int i = 0; i < count; ++i) {
    Label label;
    label.micro_batch = i;
    std::array<OpId, 2> ends;
    if (called) {
      ends.fill(w.builder.call(body, label));
    } else {
      // As the Call does: both devices begin together.
      const OpId begin = w.builder.join({});
      Pass pass(w);
      pass.write();
      for (OpId op : pass.first) w.builder.depend(op, begin);
      const OpId end = w.builder.join({});
      for (OpId op : pass.last) w.builder.depend(end, op);
      ends.fill(end);
      if (previous.valid()) w.builder.depend(begin, previous);
      previous = end;
    }
    for (std::size_t d = 0; d < 2; ++d) {
      const OpId message = w.send(d, d + 2, 3);
      w.builder.depend(message, ends[d]);
      w.builder.depend(w.compute(d + 2, 5), message);
    }
  }
  return w.finish();
}

}  // namespace

TEST_CASE("a body that is called takes as long, and as many joules, as the same operations written in its place") {
  const Cluster cluster = star(4, 2);
  for (Evaluator evaluate : {evaluate_analytic, simulate_flow}) {
    const Timeline called = run(evaluate, cluster, micro_batches(cluster, true, 4));
    const Timeline written = run(evaluate, cluster, micro_batches(cluster, false, 4));
    REQUIRE(called.end_s == Approx(written.end_s).epsilon(1e-12));
    REQUIRE(called.records.size() == written.records.size() - 8);  // the joins
    double called_J = 0, written_J = 0;
    for (const Record& r : called.records) called_J += r.energy_J;
    for (const Record& r : written.records) written_J += r.energy_J;
    CHECK(called_J == Approx(written_J));
  }
}

TEST_CASE("the record of an operation of a body says which Call ran it") {
  const Cluster cluster = star(4, 2);
  const auto program = micro_batches(cluster, true, 3);
  const Timeline t = run(evaluate_analytic, cluster, program);
  std::map<std::int32_t, int> by_micro_batch;
  for (const Record& r : t.records)
    if (r.call.valid()) ++by_micro_batch[program->operations[r.call.index()].label.micro_batch];
  CHECK(by_micro_batch == std::map<std::int32_t, int>{{0, 5}, {1, 5}, {2, 5}});
  CHECK(program->executed_operations() == t.records.size());
}

TEST_CASE("a Call holds all queues of its body from start to end") {
  const Cluster cluster = star(2);
  Writer w(cluster);
  const BodyId body = w.builder.begin_body();
  w.compute(0, 1);
  w.compute(1, 5);
  w.builder.end_body();
  w.builder.call(body, {});
  const OpId after = w.compute(0, 1);
  CHECK(end_of(run(evaluate_analytic, cluster, w.finish()), after) == 6);
}

TEST_CASE("operations of a queue run in their order inside a body too, and an empty body takes no time") {
  const Cluster cluster = star(1);
  Writer w(cluster);
  const BodyId empty = w.builder.begin_body();
  w.builder.end_body();
  const BodyId body = w.builder.begin_body();
  const OpId first = w.compute(0, 2), second = w.compute(0, 3);
  w.builder.end_body();
  const OpId before = w.builder.call(empty, {}), call = w.builder.call(body, {});
  w.builder.depend(call, before);
  const Timeline t = run(evaluate_analytic, cluster, w.finish());
  CHECK(record_of(t, first).end_s == 2);
  CHECK(record_of(t, second).start_s == 2);
  CHECK(t.end_s == 5);
}

TEST_CASE("a dependency that leaves a body is refused") {
  const Cluster cluster = star(2);
  Writer w(cluster);
  const BodyId body = w.builder.begin_body();
  const OpId inside = w.compute(0, 1);
  w.builder.end_body();
  w.builder.call(body, {});
  w.builder.depend(w.compute(1, 1), inside);
  CHECK_THROWS_AS(run(evaluate_analytic, cluster, w.finish()), InternalError);
}

TEST_CASE("a fragment that is cancelled inside a Call leaves its queues and what it did so far") {
  class Canceller : public JobDriver {
   public:
    Canceller(std::shared_ptr<const Program> first, std::shared_ptr<const Program> then)
        : first_(std::move(first)), then_(std::move(then)) {}
    void start(Controls& controls) override {
      running_ = controls.submit(first_);
      controls.timer(Seconds(4), 0);
    }
    void on_event(const Event&, Controls& controls) override {
      controls.cancel(running_);
      controls.submit(then_);
    }

   private:
    std::shared_ptr<const Program> first_, then_;
    FragmentId running_;
  };
  const Cluster cluster = star(1);
  Writer w(cluster), next(cluster);
  const BodyId body = w.builder.begin_body();
  w.compute(0, 3);
  const OpId cut = w.compute(0, 3);
  w.builder.end_body();
  w.builder.call(body, {});
  w.builder.call(body, {});
  const BodyId other = next.builder.begin_body();
  const OpId whole = next.compute(0, 2);
  next.builder.end_body();
  next.builder.call(other, {});
  next.builder.call(other, {});
  Canceller driver(w.finish(), next.finish());
  const Timeline t = run(evaluate_analytic, cluster, driver);
  CHECK(record_of(t, cut).end_s == 4);
  CHECK(record_of(t, whole, 1).end_s == 6);
  CHECK(t.end_s == 8);
  CHECK(t.records.size() == 4);
}
