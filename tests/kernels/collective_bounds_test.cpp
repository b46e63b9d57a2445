// What no calibration may do, on every shipped machine: beat the payload rate of the links that the bytes have to cross, or
// make leaving a node cheaper than staying in it.
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/costs.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

using K = CollectiveKind;

CollectiveRequest request_of(K kind, std::vector<DeviceId> members, double bytes, std::string algorithm) {
  CollectiveRequest request;
  request.kind = kind;
  request.members = std::move(members);
  request.bytes = Bytes(bytes);
  request.algorithm = std::move(algorithm);
  return request;
}

std::vector<DeviceId> first_devices(std::size_t count) {
  std::vector<DeviceId> devices;
  for (std::size_t d = 0; d < count; ++d) devices.emplace_back(d);
  return devices;
}

std::vector<std::pair<std::string, NodeModel>> shipped_nodes() {
  std::vector<std::pair<std::string, NodeModel>> nodes;
  const Library library = Library::installed();
  for (const std::string& name : library.names("hardware/nodes"))
    nodes.emplace_back(name, load_part<NodeModel>("hardware/nodes", name, library));
  return nodes;
}

// Buffers that must leave and enter a set of `m` of `n` ranks, whatever the algorithm, switches that reduce included.
struct Least {
  double out = 0, in = 0;
};

Least least_of(K kind, double m, double n) {
  const double others = (n - m) / n, own = m / n;
  switch (kind) {
    case K::all_reduce:
      return {1, 1};
    case K::reduce_scatter:
      return {others, own};
    case K::all_gather:
      return {own, others};
    case K::all_to_all:
      return {m * others, m * others};
    case K::send_receive:
      return {1, 1};
    default:
      return {};
  }
}

struct Rates {
  double out = 0, in = 0;
};

// Payload of the links between a set of vertices and the rest.
template <class Inside> Rates rates_across(const Fabric& fabric, Inside inside) {
  Rates rates;
  for (const Link& link : fabric.links()) {
    const bool from = inside(link.from), to = inside(link.to);
    if (from && !to) rates.out += link.bandwidth.value;
    if (to && !from) rates.in += link.bandwidth.value;
  }
  return rates;
}

double least_seconds(const Least& least, const Rates& rates, double bytes) {
  const double out = rates.out > 0 ? least.out / rates.out : 0, in = rates.in > 0 ? least.in / rates.in : 0;
  return bytes * std::max(out, in);
}

// Of the first device, and of its node where the group leaves it.
double bound(const Cluster& cluster, K kind, std::size_t ranks, double bytes) {
  const Fabric& fabric = cluster.fabric;
  const VertexId first = fabric.vertex_of(DeviceId(std::size_t{0}));
  const std::uint32_t node = fabric.vertex(first).node;
  std::size_t members = 0;
  for (std::size_t d = 0; d < ranks; ++d) members += fabric.vertex(fabric.vertex_of(DeviceId(d))).node == node;
  const double n = static_cast<double>(ranks), m = static_cast<double>(members);
  double seconds = least_seconds(least_of(kind, 1, n), rates_across(fabric, [&](VertexId v) { return v == first; }),
                                 bytes);
  if (members < ranks)
    seconds = std::max(
        seconds, least_seconds(least_of(kind, m, n),
                               rates_across(fabric, [&](VertexId v) { return fabric.vertex(v).node == node; }), bytes));
  return seconds;
}

}  // namespace

TEST_CASE("no collective on any shipped machine beats the payload rate of the links that its bytes must cross") {
  for (const auto& [name, node] : shipped_nodes()) {
    const bool joins = node.nics.has_value();
    const Cluster cluster = build_cluster(nodes_of(node, joins ? 2 : 1, joins ? "single-switch" : "none"));
    const std::size_t per_node = static_cast<std::size_t>(node.devices), all = cluster.fabric.device_count();
    for (std::size_t ranks : {std::min<std::size_t>(per_node, 64), all})
      for (K kind : {K::all_reduce, K::reduce_scatter, K::all_gather, K::all_to_all, K::send_receive})
        for (double bytes : {1e6, 1.7e10}) {
          if (ranks < 2 || ranks > 144) continue;
          INFO(name << ": " << collective_names[static_cast<std::size_t>(kind)] << " of " << bytes << " B over "
                    << ranks);
          const Group group = make_group(cluster, first_devices(ranks));
          for (const auto& entry : collective_catalog()) {
            if (!entry.value.supports(kind, group) || (ranks > 16 && !entry.value.considered(kind, group))) continue;
            INFO(entry.name);
            const CollectivePlan plan = plan_collective(
                cluster, request_of(kind, group.members, bytes, std::string(entry.name)));
            CHECK(time_alone(cluster, plan).value >= bound(cluster, kind, ranks, bytes) * (1 - 1e-9));
            for (const CollectiveStep& step : plan.steps) CHECK(step.efficiency <= 1 + 1e-12);
          }
        }
  }
}

TEST_CASE("a message takes at least its bytes over the payload rate of its narrowest link") {
  for (const auto& [name, node] : shipped_nodes()) {
    if (!node.nics) continue;
    INFO(name);
    const Cluster cluster = build_cluster(nodes_of(node, 2, "single-switch"));
    const std::size_t next = static_cast<std::size_t>(node.devices);
    std::vector<Hop> hops;
    const Fabric& fabric = cluster.fabric;
    cluster.router->route(fabric.vertex_of(DeviceId(std::size_t{0})), fabric.vertex_of(DeviceId(next)), 0, hops);
    double slowest = 0;
    for (const Hop& hop : hops) slowest = std::max(slowest, hop.share / fabric.link(hop.link).bandwidth.value);
    const double bytes = 1.7e10;
    const CollectivePlan plan = plan_collective(
        cluster, request_of(K::send_receive, {DeviceId(std::size_t{0}), DeviceId(next)}, bytes, "direct"));
    CHECK(time_alone(cluster, plan).value >= bytes * slowest);
  }
}

TEST_CASE("leaving the node makes no short collective faster, the algorithm being the same") {
  struct Asked {
    K kind;
    const char* algorithm;
  };
  for (const auto& [name, node] : shipped_nodes()) {
    const int m = node.devices;
    // Inside a torus or a ladder fewer members per node may stand nearer to each other.
    const std::string& kind = node.scale_up.kind;
    if (!node.nics || m < 2 || m > 72 || (kind != "switch" && kind != "full-mesh" && kind != "pcie")) continue;
    const Cluster cluster = build_cluster(nodes_of(node, 4, "single-switch"));
    const auto spread = [&](std::size_t each, std::size_t nodes) {
      std::vector<DeviceId> members;
      for (std::size_t k = 0; k < nodes; ++k)
        for (std::size_t d = 0; d < each; ++d) members.emplace_back(k * static_cast<std::size_t>(m) + d);
      return members;
    };
    for (const Asked& asked :
         {Asked{K::all_reduce, "ring"}, Asked{K::all_gather, "ring"}, Asked{K::all_to_all, "direct"},
          Asked{K::send_receive, "direct"}, Asked{K::broadcast, "binomial"}})
      for (double bytes : {8.0, 4096.0}) {
        const auto seconds = [&](std::vector<DeviceId> members) {
          return time_alone(cluster, plan_collective(
                                         cluster, request_of(asked.kind, std::move(members), bytes, asked.algorithm)))
              .value;
        };
        INFO(name << ": " << asked.algorithm << " " << collective_names[static_cast<std::size_t>(asked.kind)] << " of "
                  << bytes << " B");
        const std::size_t all = static_cast<std::size_t>(m);
        const double inside = seconds(spread(all, 1));
        CHECK(seconds(spread(all, 2)) >= inside);
        CHECK(seconds(spread(all, 4)) >= seconds(spread(all, 2)));
        if (m % 2 == 0) CHECK(seconds(spread(all / 2, 2)) >= inside);
        if (m % 4 == 0) CHECK(seconds(spread(all / 4, 4)) >= inside);
      }
  }
}

TEST_CASE("the launch of a collective is the device's, whatever network its node is on") {
  for (const char* name : {"dgx-h100", "ec2-p5", "hgx-h100-roce"}) {
    INFO(name);
    const NodeModel node = load_part<NodeModel>("hardware/nodes", name, Library::installed());
    const Cluster cluster = build_cluster(nodes_of(node, 2, "single-switch"));
    CollectiveRequest request = request_of(K::send_receive, {DeviceId(std::size_t{0}), DeviceId(std::size_t{8})}, 1,
                                           "direct");
    request.detail = CollectiveDetail::step;
    const CollectiveCost inside = collective_calibration().find("nvlink4", true, "message", "simple").value();
    const std::string& link = node.nics->link.name;
    const CollectiveCost outside = collective_calibration().find(link, false, "message", "simple").value();
    CHECK(plan_collective(cluster, request).steps.at(0).setup.value ==
          Approx(inside.launch.value + outside.step.value));
  }
}

TEST_CASE("a share of a rate above 1 is refused") {
  Json calibration = write_spec(collective_calibration());
  CHECK_NOTHROW(read_spec<CollectiveCalibration>(calibration, "test", Library::installed()));
  calibration["links"][0]["efficiency"] = 1.01;
  CHECK_THROWS_WITH(read_spec<CollectiveCalibration>(calibration, "test", Library::installed()),
                    Catch::Contains("/links/0/efficiency"));
}
