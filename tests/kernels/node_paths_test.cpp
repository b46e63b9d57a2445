// Rings over nodes: the paths of their channels through a node without a switch, and what more NICs and GPUs are worth.
#include "kernels/collectives/node_paths.hpp"

#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "sim/routes.hpp"
#include "tests/kernels/collective_requests.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

// The node's members 0 to `members` - 1, with its NICs as a cluster deals them out.
NodeInside inside_of(const NodeModel& node, std::size_t members, std::size_t nics) {
  const Cluster cluster = build_cluster(nodes_of(node, 1, "none"));
  std::vector<DeviceId> devices;
  for (std::size_t d = 0; d < members; ++d) devices.emplace_back(d);
  const Group group = make_group(cluster, devices);
  NodeInside inside;
  inside.links = direct_links(group, group.nodes[0].ranks);
  std::set<std::size_t> used;
  for (std::size_t d = 0; d < members; ++d) {
    inside.nic.push_back(d * nics / static_cast<std::size_t>(node.devices));
    used.insert(inside.nic.back());
  }
  inside.nics = used.size();
  return inside;
}

struct Use {
  double cable = 0;                     // most channels on one
  std::size_t nic_in = 0, nic_out = 0;  // most channels by one
};

// Also that all members are visited once, over direct links.
Use use_of(const NodeInside& inside, const std::vector<RankList>& paths) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, double> on_cable;
  std::map<std::size_t, std::size_t> in, out;
  Use use;
  for (const RankList& path : paths) {
    CHECK(std::set<std::uint32_t>(path.begin(), path.end()).size() == inside.links.members);
    CHECK(path.size() == inside.links.members);
    use.nic_in = std::max(use.nic_in, ++in[inside.nic[path.front()]]);
    use.nic_out = std::max(use.nic_out, ++out[inside.nic[path.back()]]);
    for (std::size_t i = 1; i < path.size(); ++i) {
      const int cables = inside.links.between(path[i - 1], path[i]);
      REQUIRE(cables > 0);
      use.cable = std::max(use.cable, (on_cable[{path[i - 1], path[i]}] += 1) / cables);
    }
  }
  return use;
}

// Bytes per second of the buffer over 2 (n - 1) / n, of a ring over the first `per_node` devices of every node.
double ring_rate(const ClusterSpec& spec, std::size_t per_node) {
  const Cluster cluster = build_cluster(spec);
  const auto devices = static_cast<std::size_t>(spec.pools[0].node.devices);
  CollectiveRequest request = request_of(CollectiveKind::all_reduce, 0, 1e9, "ring");
  for (std::size_t d = 0; d < cluster.type_of.size(); ++d)
    if (d % devices < per_node) request.members.emplace_back(d);
  const double n = static_cast<double>(request.members.size());
  const CollectivePlan plan = plan_collective(cluster, request);
  return 2 * (n - 1) / n / route_pattern(cluster.fabric, *cluster.router, plan.steps.at(0).flows).bottleneck;
}

}  // namespace

TEST_CASE(
    "channels cross a node over direct links, by each NIC in turn, and share cables as little as counting allows") {
  struct Case {
    NodeModel node;
    std::size_t nics, channels;
    double cable;  // channels on the busiest
  };
  // By count: 8 paths of 7 links over the 56 of a full mesh; 8 of 15 over the 64 of a 4 x 4 torus; 4 of 7 over the 48 bricks
  // of DGX-1 with V100; 3 of 7 over the 24 of a cube; a ring has two ways round.
  for (const Case& c :
       {Case{node_of("full-mesh", 8, {}, 7), 8, 8, 1}, Case{node_of("full-mesh", 8, {}, 7), 4, 4, 1},
        Case{node_of("full-mesh", 8, {}, 7), 5, 5, 1}, Case{node_of("full-mesh", 8, {}, 7), 1, 1, 1},
        Case{node_of("torus", 16, {4, 4}, 4), 8, 8, 2}, Case{node_of("torus", 16, {4, 4}, 4), 4, 4, 1},
        Case{node_of("hybrid-cube-mesh", 8, {}, 6), 4, 4, 1}, Case{node_of("hypercube", 8, {}, 3), 3, 3, 1},
        Case{node_of("hypercube", 16, {}, 4), 4, 4, 1}, Case{node_of("ring", 8, {}, 2), 8, 8, 4}}) {
    INFO(c.node.name << ", NICs " << c.nics);
    const NodeInside inside = inside_of(c.node, static_cast<std::size_t>(c.node.devices), c.nics);
    const NodePaths found = node_paths(inside, c.channels);
    REQUIRE(found.paths.size() == c.channels);
    const Use use = use_of(inside, found.paths);
    CHECK(use.cable <= c.cable);
    CHECK(use.nic_in == 1);
    CHECK(use.nic_out == 1);
  }
}

TEST_CASE("where cables are short, NICs have several channels each, so that all cables are used") {
  // Of 7 members: no 7 paths share no cable, but 3 rings both ways do.
  const NodeInside inside = inside_of(node_of("full-mesh", 7, {}, 6), 7, 7);
  const NodePaths found = best_node_paths(inside, 7);
  const Use use = use_of(inside, found.paths);
  CHECK(use.cable / static_cast<double>(found.paths.size()) <= 1.0 / 6);
  CHECK(use.nic_in * inside.nics == found.paths.size());
  CHECK(use.nic_out * inside.nics == found.paths.size());
}

TEST_CASE("where direct links join the members on no path, or on none that suits the NICs, there is none") {
  CHECK(
      node_paths(inside_of(node_of("ring", 8, {}, 2), 7, 8), 7).paths.empty());  // of a line only the ends lead through
  NodeInside apart = inside_of(node_of("hypercube", 8, {}, 3), 8, 8);
  apart.links.cables.assign(64, 0);
  apart.links.cables[1] = apart.links.cables[8] = 1;
  CHECK(node_paths(apart, 8).paths.empty());
}

TEST_CASE("a ring over nodes without a switch goes at the rate of their NICs where the direct links allow it") {
  struct Case {
    NodeModel node;
    int nics;
  };
  // NICs of 25 GB/s; a device has 100 GB/s, divided among its links.
  for (const Case& c : {Case{node_of("full-mesh", 8, {}, 7), 1}, Case{node_of("full-mesh", 8, {}, 7), 2},
                        Case{node_of("full-mesh", 8, {}, 7), 4}, Case{node_of("full-mesh", 8, {}, 7), 8},
                        Case{node_of("hybrid-cube-mesh", 8, {}, 6), 4}, Case{node_of("torus", 16, {4, 4}, 4), 8},
                        Case{node_of("hypercube", 16, {}, 4), 8}}) {
    for (int nodes : {2, 3, 5}) {
      INFO(c.node.name << ", NICs " << c.nics << ", nodes " << nodes);
      const auto devices = static_cast<std::size_t>(c.node.devices);
      CHECK(ring_rate(nodes_of(with_nics(c.node, c.nics), nodes, "single-switch"), devices) == Approx(25e9 * c.nics));
    }
  }
}

TEST_CASE("more GPUs of a node or more NICs make no ring slower") {
  for (const NodeModel& node : {node_of("switch", 8, {}, 8), node_of("full-mesh", 8, {}, 7)})
    for (int nics = 1; nics <= 8; ++nics) {
      double before = 0;
      for (std::size_t per_node = 1; per_node <= 8; ++per_node) {
        const double rate = ring_rate(nodes_of(with_nics(node, nics), 3, "single-switch"), per_node);
        INFO(node.name << ", NICs " << nics << ", devices " << per_node);
        const std::size_t used = (per_node - 1) * static_cast<std::size_t>(nics) / 8 + 1;
        CHECK(rate == Approx(25e9 * static_cast<double>(used)));
        CHECK(rate >= before * (1 - 1e-9));
        before = rate;
      }
    }
}

TEST_CASE("a slowed cable inside one node is carried less, there alone") {
  ClusterSpec spec = nodes_of(with_nics(node_of("full-mesh", 8, {}, 7), 4), 2, "single-switch");
  const double whole = ring_rate(spec, 8);
  DegradedSpec slow;
  slow.between = {"device 0", "device 1"};
  slow.rate = 0.1;
  spec.degraded.push_back(slow);
  CHECK(ring_rate(spec, 8) == Approx(whole));
}
