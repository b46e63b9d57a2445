// How links become constraints: weights become counts, equal links become one, and what max-min sharing can do.
#include <catch2/catch.hpp>

#include "sim/simgrid/contention.hpp"
#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

TEST_CASE("weights with ratios of small numbers have an exact unit") {
  for (const std::vector<double>& weights :
       {std::vector<double>{1, 3}, {0.25, 0.75, 1}, {2.0 / 3, 1.75}, {1.0 / 7, 1}, {5, 5}, {512, 1}}) {
    const WeightUnit unit = choose_unit(weights);
    CHECK(unit.exact);
    for (double w : weights) CHECK(w / unit.unit == Approx(std::round(w / unit.unit)).epsilon(1e-12));
  }
}

TEST_CASE("other weights are off by at most one part in 256") {
  for (const std::vector<double>& weights :
       {std::vector<double>{1, 3.14159265358979}, {1, 1.0001}, {0.3333, 1, 2.71828}, {1.41421356, 1.7320508, 100}}) {
    const WeightUnit unit = choose_unit(weights);
    CHECK_FALSE(unit.exact);
    for (double w : weights) CHECK(std::abs(std::round(w / unit.unit) * unit.unit / w - 1) <= 1.0 / 256);
  }
}

TEST_CASE("weights that differ by millions are counted within bounds") {
  for (const std::vector<double>& weights :
       {std::vector<double>{1, 1e6}, {1, 1e12}, {1, 3.14159265358979, 1e5}, {1e-300, 1e300}}) {
    const WeightUnit unit = choose_unit(weights);
    CHECK_FALSE(unit.exact);
    CHECK(weights.back() / unit.unit <= 131072 * (1 + 1e-12));
  }
  CHECK(choose_unit(std::vector<double>{1, 16384}).exact);
}

TEST_CASE("links with the same users become one constraint, however many there are") {
  const Cluster cluster = star(64, 10);
  Writer w(cluster);
  std::vector<Flow> ring, shifted;
  for (std::size_t d = 0; d < 64; ++d) {
    ring.push_back(w.flow(d, (d + 1) % 64));
    shifted.push_back(w.flow(d, (d + 5) % 64));
  }
  w.transfer(w.on(0, Stream::tensor), ring, 1);
  w.transfer(w.on(0, Stream::data), shifted, 1);
  IndexedProgram indexed = index_program(w.finish(), cluster);
  for (std::uint32_t q = 0; q < indexed.program->queues.size(); ++q) indexed.queues.push_back(q);
  Contention contention(cluster.fabric);
  CHECK(contention.add(indexed));
  CHECK(contention.constraints().size() == 1);
  CHECK(contention.constraints()[0].capacity == 10);
  CHECK_FALSE(contention.add(indexed));  // nothing new
}

TEST_CASE("transfers that share a queue are private, others on the same link are not") {
  const Cluster cluster = star(4, 10);
  Writer w(cluster);
  const OpId a = w.send(0, 1, 1), b = w.send(0, 1, 2);  // same queue
  const OpId c = w.send(2, 3, 1), d = w.send(2, 3, 1, Stream::data);
  IndexedProgram indexed = index_program(w.finish(), cluster);
  for (std::uint32_t q = 0; q < indexed.program->queues.size(); ++q) indexed.queues.push_back(q);
  Contention contention(cluster.fabric);
  contention.add(indexed);
  CHECK_FALSE(contention.shared(indexed.program.get(), a.index()));
  CHECK_FALSE(contention.shared(indexed.program.get(), b.index()));
  CHECK(contention.shared(indexed.program.get(), c.index()));
  CHECK(contention.shared(indexed.program.get(), d.index()));
}

TEST_CASE("a link whose weights had to be approximated is counted, and no flow is faster than alone") {
  const Cluster cluster = star(4, 10);
  Writer w(cluster);
  // Into device 2: one flow and, of another pattern, a side flow of an odd share (its main flow limits it elsewhere).
  const OpId a = w.transfer(w.on(0, Stream::copy), {w.flow(0, 1), w.flow(3, 2, 0.1234567)}, 10);
  const OpId b = w.send(1, 2, 100);
  const Timeline t = run(simulate_flow, cluster, w.finish());
  CHECK(t.approximated_links == 1);
  CHECK(end_of(t, a) >= 1 - 1e-12);
  CHECK(end_of(t, b) == Approx(10 + 0.1234567).epsilon(1.0 / 256));
}

TEST_CASE("max-min sharing is anomalous: seven transfers on two links take longer at twice the bandwidth") {
  // Found by a random search. Doubling the bandwidth lets earlier transfers crowd the critical one.
  struct Item {
    bool first, second;  // links used
    double bytes, delay;
    int after;  // -1: nothing
  };
  const std::vector<Item> items = {{true, true, 2, 1, -1},  {true, false, 10, 0, -1}, {true, true, 8, 10, 1},
                                   {false, true, 8, 10, 1}, {false, true, 6, 16, -1}, {false, true, 1, 8, 0},
                                   {false, true, 1, 16, 4}};
  const auto makespan = [&](double bandwidth) {
    Cluster cluster;  // 0 -> 1 -> 2; more devices only for their queues
    LinkClass link_class;
    link_class.name = "wire";
    const LinkClassId wire = cluster.fabric.add_link_class(link_class);
    for (std::size_t i = 0; i < items.size(); ++i) {
      Vertex v;
      v.device = DeviceId(i);
      cluster.fabric.add_vertex(v);
      cluster.type_of.push_back(DeviceTypeId(std::size_t{0}));
    }
    for (std::size_t i = 0; i < 2; ++i)
      cluster.fabric.add_link({VertexId(i), VertexId(i + 1), BytesPerSecond(bandwidth), Seconds(0), wire});
    cluster.router = make_shortest_path_router(cluster.fabric);
    Writer w(cluster);
    std::vector<OpId> ops;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Item& item = items[i];
      const Flow flow = w.flow(item.first ? 0 : 1, item.second ? 2 : 1);
      ops.push_back(w.transfer(w.on(i, Stream::copy), {flow}, item.bytes, 0, item.delay));
      if (item.after >= 0) w.builder.depend(ops[i], ops[static_cast<std::size_t>(item.after)]);
    }
    return run(simulate_flow, cluster, w.finish()).end_s;
  };
  CHECK(makespan(1) == Approx(39).epsilon(1e-9));
  CHECK(makespan(2) == Approx(41.5).epsilon(1e-9));
}
