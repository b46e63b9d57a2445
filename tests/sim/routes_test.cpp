// Patterns on the fabric: loads, latency, bottleneck, energy, and the unit in which links are shared.
#include "sim/routes.hpp"

#include <catch2/catch.hpp>

using namespace orrery;

namespace {

// 0 -- 1 -- 2, the second cable narrower, slower and of another class; device i at vertex i.
struct Line {
  Line() {
    LinkClass near, far;
    near.name = "near";
    near.energy = JoulesPerByte(1);
    far.name = "far";
    far.energy = JoulesPerByte(10);
    for (std::size_t i = 0; i < 3; ++i) {
      Vertex v;
      v.device = DeviceId(i);
      fabric.add_vertex(v);
    }
    first = fabric.add_cable(VertexId(std::size_t{0}), VertexId(std::size_t{1}), BytesPerSecond(8), Seconds(1),
                             fabric.add_link_class(near));
    second = fabric.add_cable(VertexId(std::size_t{1}), VertexId(std::size_t{2}), BytesPerSecond(2), Seconds(3),
                              fabric.add_link_class(far));
    router = make_shortest_path_router(fabric);
  }
  Flow flow(std::size_t from, std::size_t to, double share = 1, double copies = 1) const {
    Flow f;
    f.from = VertexId(from);
    f.to = VertexId(to);
    f.share = share;
    f.copies = copies;
    return f;
  }
  RoutedPattern route(std::vector<Flow> flows) const { return route_pattern(fabric, *router, flows); }
  Fabric fabric;
  std::unique_ptr<Router> router;
  LinkId first, second;
};

}  // namespace

TEST_CASE("a flow loads every link of its path, and its narrowest link limits it") {
  const Line line;
  const RoutedPattern r = line.route({line.flow(0, 2)});
  REQUIRE(r.loads.size() == 2);
  CHECK(r.loads[0].link == line.first);
  CHECK(r.loads[0].weight == 1);
  CHECK(r.bottleneck == 0.5);
  CHECK(r.latency.value == Approx(1 + 3));
  CHECK(r.energy_per_byte == 11);
  CHECK(r.fair_share == 1);
}

TEST_CASE("loads of flows add up: share times copies") {
  const Line line;
  const RoutedPattern r = line.route({line.flow(0, 2, 0.5), line.flow(0, 1, 0.25, 8)});
  CHECK(r.loads[0].weight == 2.5);
  CHECK(r.loads[1].weight == 0.5);
  CHECK(r.bottleneck == Approx(2.5 / 8));  // the wide link is now the busier one
  CHECK(r.fair_share == 0.5);              // of the largest flow there
  CHECK(r.latency.value == Approx(4));     // of the longest path
  CHECK(r.energy_per_byte == Approx(2.5 * 1 + 0.5 * 10));
}

TEST_CASE("links are shared by the largest flow on the busiest link of one group, however many are laid together") {
  const Line line;
  // Alone, a group is held up by the far link, where its flow is a quarter; three together meet on the near one.
  const std::vector<Flow> group = {line.flow(0, 1, 1, 0.9), line.flow(1, 2, 0.25)};
  CHECK(line.route(group).fair_share == 0.25);
  std::vector<Flow> three = group;
  for (int more = 0; more < 2; ++more) three.push_back(line.flow(0, 1, 1, 0.9));
  const RoutedPattern together = route_pattern(line.fabric, *line.router, three, group.size());
  CHECK(together.bottleneck == Approx(2.7 / 8));
  CHECK(together.fair_share == 0.25);
}

TEST_CASE("of links that are equally busy the largest flow counts, in whatever order they come") {
  const Line line;
  const Flow near = line.flow(0, 1, 1, 4), far = line.flow(1, 2, 0.5, 2);
  CHECK(line.route({near, far}).bottleneck == 0.5);
  CHECK(line.route({near, far}).fair_share == 1);
  const Flow split = line.flow(0, 1, 0.5, 8), whole = line.flow(1, 2, 1);
  CHECK(line.route({split, whole}).fair_share == 1);
}

TEST_CASE("directions are links of their own") {
  const Line line;
  const RoutedPattern r = line.route({line.flow(0, 1), line.flow(1, 0)});
  REQUIRE(r.loads.size() == 2);
  CHECK(r.bottleneck == Approx(1.0 / 8));
}

TEST_CASE("a flow to itself costs nothing") {
  const Line line;
  const RoutedPattern r = line.route({line.flow(1, 1)});
  CHECK(r.loads.empty());
  CHECK(r.latency.value == 0);
  CHECK(r.bottleneck == 0);
}

TEST_CASE("a transfer alone takes setup, latency per round, and bytes over the bottleneck") {
  const Line line;
  Operation op;
  op.bytes = 10;
  op.rounds = 2;
  op.setup_s = 0.25;
  CHECK(time_alone(op, line.route({line.flow(0, 2)})).value == Approx(0.25 + 2 * 4 + 5));
}
