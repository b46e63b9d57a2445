// The wiring: ids, domains, and graph questions.
#include "sim/fabric.hpp"

#include <catch2/catch.hpp>

#include "sim/error.hpp"

using namespace orrery;

namespace {

VertexId add_device(Fabric& fabric, std::size_t device) {
  Vertex v;
  v.device = DeviceId(device);
  return fabric.add_vertex(v);
}
LinkClassId wire(Fabric& fabric) {
  LinkClass c;
  c.name = "wire";
  return fabric.add_link_class(c);
}
LinkId cable(Fabric& fabric, VertexId a, VertexId b, double latency = 1) {
  return fabric.add_cable(a, b, BytesPerSecond(1), Seconds(latency), wire(fabric));
}

}  // namespace

TEST_CASE("a link class of the same name is the same class") {
  Fabric fabric;
  CHECK(wire(fabric) == wire(fabric));
  LinkClass other;
  other.name = "fibre";
  CHECK(fabric.add_link_class(other) != wire(fabric));
  CHECK(fabric.link_classes().size() == 2);
}

TEST_CASE("a link class of the same name but another energy or time to switch is another class") {
  Fabric fabric;
  const JoulesPerByte energy(1e-9);
  const LinkClassId shipped = fabric.add_link_class({"fibre", energy, Seconds(0)});
  CHECK(fabric.add_link_class({"fibre", energy, Seconds(0)}) == shipped);
  CHECK(fabric.add_link_class({"fibre", energy * 2, Seconds(0)}) != shipped);
  CHECK(fabric.add_link_class({"fibre", energy, Seconds(1)}) != shipped);
  const LinkClassId unknown = fabric.add_link_class({"fibre", {}, {}});
  CHECK(unknown != shipped);
  CHECK(fabric.add_link_class({"fibre", JoulesPerByte(0), {}}) != unknown);  // free is not unknown
  CHECK(fabric.link_classes().size() == 5);
}

TEST_CASE("a cable is two links, forward first") {
  Fabric fabric;
  const VertexId a = add_device(fabric, 0), b = add_device(fabric, 1);
  const LinkId forward = cable(fabric, a, b);
  CHECK(fabric.link(forward).from == a);
  CHECK(fabric.link(LinkId(forward.index() + 1)).from == b);
  CHECK(fabric.vertex_of(DeviceId(std::size_t{1})) == b);
}

TEST_CASE("links must be possible") {
  Fabric fabric;
  const VertexId a = add_device(fabric, 0), b = add_device(fabric, 1);
  CHECK_THROWS_AS(fabric.add_link({a, b, BytesPerSecond(0), Seconds(0), wire(fabric)}), InternalError);
  CHECK_THROWS_AS(fabric.add_link({a, VertexId(std::size_t{9}), BytesPerSecond(1), Seconds(0), wire(fabric)}),
                  InternalError);
  CHECK_THROWS_AS(add_device(fabric, 1), InternalError);
}

TEST_CASE("connected means that every pair can talk both ways") {
  Fabric fabric;
  CHECK(fabric.connected());
  const VertexId a = add_device(fabric, 0), b = add_device(fabric, 1);
  CHECK_FALSE(fabric.connected());
  fabric.add_link({a, b, BytesPerSecond(1), Seconds(0), wire(fabric)});
  CHECK_FALSE(fabric.connected());  // no way back
  fabric.add_link({b, a, BytesPerSecond(1), Seconds(0), wire(fabric)});
  CHECK(fabric.connected());
}

TEST_CASE("the shortest path has the fewest hops, and the lowest links on ties") {
  Fabric fabric;
  std::vector<VertexId> v;
  for (std::size_t i = 0; i < 6; ++i) v.push_back(add_device(fabric, i));
  // Two ways of two hops from 0 to 3 (over 2, added first, and over 1), one way of three (over 4, 5).
  const LinkId first = cable(fabric, v[0], v[2]), second = cable(fabric, v[2], v[3]);
  cable(fabric, v[0], v[1]);
  cable(fabric, v[1], v[3]);
  cable(fabric, v[0], v[4]);
  cable(fabric, v[4], v[5]);
  cable(fabric, v[5], v[3]);
  CHECK(fabric.shortest_path(v[0], v[3]) == std::vector<LinkId>{first, second});
  CHECK(fabric.shortest_path(v[0], v[0]).empty());
}

TEST_CASE("the shortest-path router adds up latencies and survives a moved fabric") {
  Fabric fabric;
  const VertexId a = add_device(fabric, 0), b = add_device(fabric, 1), c = add_device(fabric, 2);
  cable(fabric, a, b, 2);
  cable(fabric, b, c, 3);
  const auto router = make_shortest_path_router(fabric);
  const Fabric moved = std::move(fabric);
  std::vector<Hop> hops;
  CHECK(router->route(a, c, 0, hops).value == 5);
  REQUIRE(hops.size() == 2);
  CHECK(moved.link(hops[1].link).to == c);
  CHECK(hops[0].share == 1);
}

TEST_CASE("a path that does not exist is our bug, reported") {
  Fabric fabric;
  const VertexId a = add_device(fabric, 0), b = add_device(fabric, 1);
  CHECK_THROWS_AS(fabric.shortest_path(a, b), InternalError);
}

TEST_CASE("domains nest: the innermost of one device, and the innermost that holds both") {
  Fabric fabric;
  for (std::size_t i = 0; i < 6; ++i) add_device(fabric, i);
  const auto add = [&](int level, DomainId parent, std::vector<std::size_t> members) {
    Domain d;
    d.level = level;
    d.parent = parent;
    for (std::size_t m : members) d.members.push_back(DeviceId(m));
    return fabric.add_domain(d);
  };
  const DomainId all = add(2, {}, {0, 1, 2, 3, 4, 5});
  const DomainId rack = add(1, all, {0, 1, 2, 3});
  const DomainId left = add(0, rack, {0, 1}), right = add(0, rack, {2, 3});
  const auto device = [](std::size_t i) { return DeviceId(i); };
  CHECK(fabric.domain_of(device(1)) == left);
  CHECK(fabric.domain_of(device(5)) == all);  // in no rack
  CHECK(fabric.common_domain(device(0), device(1)) == left);
  CHECK(fabric.common_domain(device(0), device(3)) == rack);
  CHECK(fabric.common_domain(device(2), device(3)) == right);
  CHECK(fabric.common_domain(device(5), device(3)) == all);
  CHECK(fabric.common_domain(device(2), device(2)) == right);
}
