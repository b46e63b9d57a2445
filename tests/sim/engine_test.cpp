// What both evaluators promise: queues, dependencies, barriers, and errors that say what waits for what.
#include <catch2/catch.hpp>

#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

static Evaluator either() { return GENERATE(as<Evaluator>(), evaluate_analytic, simulate_flow); }

TEST_CASE("a queue runs in the order written, not in order of readiness") {
  const Cluster cluster = star(2);
  Writer w(cluster);
  const OpId slow = w.compute(1, 10);
  const OpId first = w.compute(0, 1), second = w.compute(0, 1);  // `second` could run at once
  w.builder.depend(first, slow);
  const Timeline t = run(either(), cluster, w.finish());
  CHECK(end_of(t, first) == 11);
  CHECK(end_of(t, second) == 12);
}

TEST_CASE("streams of one device run together") {
  const Cluster cluster = star(2);
  Writer w(cluster);
  const OpId compute = w.compute(0, 5);
  const OpId send = w.send(0, 1, 4);
  const OpId other = w.compute(0, 3, 0, Stream::tensor);
  const Timeline t = run(either(), cluster, w.finish());
  CHECK(end_of(t, compute) == 5);
  CHECK(end_of(t, send) == 4);
  CHECK(end_of(t, other) == 3);
}

TEST_CASE("a join waits for all and takes no time") {
  const Cluster cluster = star(3);
  Writer w(cluster);
  const OpId a = w.compute(0, 1), b = w.compute(1, 7);
  const OpId join = w.builder.join({});
  w.builder.depend(join, a);
  w.builder.depend(join, b);
  const OpId c = w.compute(2, 1);
  w.builder.depend(c, join);
  const Timeline t = run(either(), cluster, w.finish());
  CHECK(record_of(t, join).start_s == 7);
  CHECK(end_of(t, join) == 7);
  CHECK(end_of(t, c) == 8);
}

TEST_CASE("an operation of two queues waits for both and holds both") {
  const Cluster cluster = star(2);
  Writer w(cluster);
  const OpId a = w.compute(0, 2), b = w.compute(1, 5);
  const QueueId both[] = {w.builder.queue(DeviceId(std::size_t{0}), Stream::compute),
                          w.builder.queue(DeviceId(std::size_t{1}), Stream::compute)};
  const OpId shared = w.transfer(w.builder.queue_set(both), {w.flow(0, 1)}, 3);
  const OpId after = w.compute(0, 1);
  const Timeline t = run(either(), cluster, w.finish());
  CHECK(end_of(t, a) == 2);
  CHECK(end_of(t, b) == 5);
  CHECK(record_of(t, shared).start_s == 5);
  CHECK(end_of(t, shared) == 8);
  CHECK(end_of(t, after) == 9);
}

TEST_CASE("records come by end time, then by operation, and name every operation once") {
  const Cluster cluster = star(4);
  Writer w(cluster);
  for (std::size_t d = 4; d-- > 0;) w.compute(d, 1 + static_cast<double>(d % 2));
  const Timeline t = run(either(), cluster, w.finish());
  REQUIRE(t.records.size() == 4);
  const std::vector<std::uint32_t> order{1, 3, 0, 2};  // devices 2 and 0, then 3 and 1
  for (std::size_t i = 0; i < 4; ++i) CHECK(t.records[i].op.value == order[i]);
}

TEST_CASE("an empty program ends where it starts") {
  const Cluster cluster = star(1);
  const Timeline t = run(either(), cluster, std::make_shared<const Program>());
  CHECK(t.end_s == 0);
  CHECK(t.records.empty());
  CHECK(t.fragments.size() == 1);
}

TEST_CASE("two runs, and other runs between them, give the same bits") {
  const Evaluator evaluate = either();
  const Cluster cluster = star(5, 3);
  const auto build = [&](double size) {
    Writer w(cluster);
    for (std::size_t d = 0; d < 4; ++d) {
      const OpId compute = w.compute(d, 0.1 * static_cast<double>(d + 1), 2);
      w.builder.depend(w.send(d, 4, size / static_cast<double>(d + 1)), compute);
      w.send(d, (d + 1) % 4, 0.3, Stream::data);
    }
    return w.finish();
  };
  const auto program = build(0.7);
  const Timeline first = run(evaluate, cluster, program);
  run(evaluate, cluster, build(11));
  run(simulate_flow, cluster, build(0.2));
  CHECK(identical(first, run(evaluate, cluster, program)));
}

TEST_CASE("a program that cannot go on says what waits for what") {
  const Evaluator evaluate = either();
  const Cluster cluster = star(2);
  Writer w(cluster);
  w.compute(0, 1);
  const OpId a = w.compute(0, 1), b = w.compute(1, 1);
  const OpId c = w.compute(1, 1);
  w.builder.depend(b, a);  // b waits for a,
  w.builder.depend(a, c);  // a for c, and c stands behind b in the queue of device 1
  const auto program = w.finish();
  using Catch::Matchers::Contains;
  CHECK_THROWS_AS(run(evaluate, cluster, program), StuckError);
  CHECK_THROWS_WITH(run(evaluate, cluster, program),
                    Contains("Compute 1 waits for Compute 3") && Contains("Compute 2 waits for Compute 1") &&
                        Contains("Compute 3 waits for Compute 2 in the compute queue of device 1"));
}

TEST_CASE("a dependency on itself is reported, not waited for") {
  const Cluster cluster = star(1);
  Writer w(cluster);
  const OpId a = w.compute(0, 1);
  w.builder.depend(a, a);
  CHECK_THROWS_AS(run(either(), cluster, w.finish()), StuckError);
}

TEST_CASE("transfer energy is bytes times the energy of every link they cross") {
  Cluster cluster;
  LinkClass link_class;
  link_class.name = "lossy";
  link_class.energy = JoulesPerByte(0.5);
  const LinkClassId lossy = cluster.fabric.add_link_class(link_class);
  for (std::size_t i = 0; i < 3; ++i) {
    Vertex v;
    v.device = DeviceId(i);
    cluster.fabric.add_vertex(v);
    cluster.type_of.push_back(DeviceTypeId(std::size_t{0}));
  }
  for (std::size_t i = 0; i < 2; ++i)
    cluster.fabric.add_cable(VertexId(i), VertexId(i + 1), BytesPerSecond(1), Seconds(0), lossy);
  cluster.router = make_shortest_path_router(cluster.fabric);
  Writer w(cluster);
  const OpId op = w.transfer(w.on(0, Stream::copy), {w.flow(0, 2, 2, 3)}, 10);  // 60 B over two links
  const Timeline t = run(either(), cluster, w.finish());
  CHECK(record_of(t, op).energy_J == Approx(60));
}
