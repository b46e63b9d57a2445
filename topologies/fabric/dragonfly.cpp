// Dragonfly (Kim, Dally, Scott & Abts, ISCA 2008): groups of `routers_per_group` fully joined routers, each with p terminals
// and h global cables; every two groups joined by equally many global cables. Minimal routing: local, global, local. Ideal
// ECMP spreads a flow over all cables between two groups, hashing takes one of them. Adaptive and Valiant routing are not
// modelled: adversarial traffic between two groups is as slow as minimal routing makes it.
// options: routers_per_group, terminals_per_router, global_per_router; absent: the balanced a = 2p = 2h of the radix.
#include <algorithm>
#include <map>

#include "topologies/fabric/families.hpp"
#include "topologies/fabric/placement.hpp"

namespace orrery {

namespace {

struct Shape {
  int routers = 1, terminals = 1, global = 1;
};

struct GlobalCable {
  std::uint32_t near = 0, far = 0;  // routers
  LinkId link;
  double share = 1;  // of the cables between the two groups
};

class DragonflyRouter final : public FabricRouter {
 public:
  std::vector<AttachedPort> ports;
  std::vector<std::uint32_t> router_of_port;
  std::vector<LinkId> local;                      // by group, near router, far router
  std::vector<std::vector<GlobalCable>> between;  // by group x group
  std::uint32_t routers = 1, groups = 1;
  Seconds trunk_latency{0};
  bool ideal = true;
  std::uint64_t seed = 0;

  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t key, std::vector<Hop>& hops) const override {
    const std::uint32_t a = router_of_port[from], b = router_of_port[to];
    hops.push_back({ports[from].up, 1});
    int trunks = 0;
    if (a / routers == b / routers) {
      trunks = step(a, b, 1, hops);
    } else {
      const auto& cables = between[static_cast<std::size_t>(a / routers) * groups + b / routers];
      if (ideal) {
        for (const GlobalCable& cable : cables) trunks = std::max(trunks, cross(a, b, cable, cable.share, hops));
      } else {
        trunks = cross(a, b, cables[choose_path(from, to, key, seed, 0, static_cast<std::uint32_t>(cables.size()))], 1,
                       hops);
      }
    }
    hops.push_back({ports[to].down(), 1});
    return ports[from].latency + ports[to].latency + trunk_latency * trunks;
  }

 private:
  int step(std::uint32_t a, std::uint32_t b, double share, std::vector<Hop>& hops) const {
    if (a == b) return 0;
    hops.push_back({local[static_cast<std::size_t>(a) * routers + b % routers], share});
    return 1;
  }
  int cross(std::uint32_t a, std::uint32_t b, const GlobalCable& cable, double share, std::vector<Hop>& hops) const {
    const int before = step(a, cable.near, share, hops);
    hops.push_back({cable.link, share});
    return before + 1 + step(cable.far, b, share, hops);
  }
};

Shape shape_of(FabricInput& in) {
  const int balanced = std::max(1, (in.spec.radix + 1) / 4);
  Shape shape;
  shape.routers = in.option("routers_per_group", 2 * balanced);
  shape.terminals = in.option("terminals_per_router", balanced);
  shape.global = in.option("global_per_router", balanced);
  const int ports = shape.routers - 1 + shape.terminals + shape.global;
  if (ports > in.spec.radix)
    in.fault("radix", "at least the " + std::to_string(ports) + " ports that a router uses",
             std::to_string(in.spec.radix));
  return shape;
}

// All cables between groups a and b, merged per pair of routers; links in both directions.
void join_groups(FabricInput& in, DragonflyRouter& router, const Shape& shape, const std::vector<VertexId>& switches,
                 std::uint32_t a, std::uint32_t b) {
  const std::uint32_t groups = router.groups, n = router.routers;
  const std::uint32_t cables = static_cast<std::uint32_t>(shape.routers * shape.global) / (groups - 1);
  const auto end = [&](std::uint32_t group, std::uint32_t other, std::uint32_t j) {
    const std::uint32_t slot = (other + groups - group - 1) % groups * cables + j;
    return group * n + slot / static_cast<std::uint32_t>(shape.global);
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> count;
  for (std::uint32_t j = 0; j < cables; ++j) ++count[{end(a, b, j), end(b, a, j)}];
  for (const auto& [ends, parallel] : count) {
    const LinkId link = in.connect(switches[ends.first], switches[ends.second], parallel);
    const double share = static_cast<double>(parallel) / cables;
    router.between[static_cast<std::size_t>(a) * groups + b].push_back({ends.first, ends.second, link, share});
    router.between[static_cast<std::size_t>(b) * groups + a].push_back(
        {ends.second, ends.first, LinkId(link.index() + 1), share});
  }
}

}  // namespace

FabricWiring join_dragonfly(FabricInput& in) {
  const Shape shape = shape_of(in);
  const PortBlocks groups = place_in_blocks(in, shape.routers * shape.terminals);
  auto router = std::make_unique<DragonflyRouter>();
  router->routers = static_cast<std::uint32_t>(shape.routers);
  router->groups = groups.blocks;
  router->trunk_latency = in.trunk_latency;
  router->ideal = in.ideal();
  router->seed = in.seed();
  if (groups.blocks > 1 && shape.routers * shape.global < static_cast<int>(groups.blocks) - 1)
    in.fault("radix", "a global cable from each group to every one of " + std::to_string(groups.blocks - 1) + " others",
             std::to_string(shape.routers * shape.global) + " per group");
  std::vector<VertexId> switches;
  for (std::uint32_t i = 0; i < groups.blocks * router->routers; ++i) switches.push_back(in.add_switch());
  router->local.resize(static_cast<std::size_t>(groups.blocks) * router->routers * router->routers);
  for (std::uint32_t g = 0; g < groups.blocks; ++g)
    for (std::uint32_t i = 0; i < router->routers; ++i)
      for (std::uint32_t j = i + 1; j < router->routers; ++j) {
        const std::uint32_t a = g * router->routers + i, b = g * router->routers + j;
        const LinkId link = in.connect(switches[a], switches[b], 1);
        router->local[static_cast<std::size_t>(a) * router->routers + j] = link;
        router->local[static_cast<std::size_t>(b) * router->routers + i] = LinkId(link.index() + 1);
      }
  router->between.resize(static_cast<std::size_t>(groups.blocks) * groups.blocks);
  for (std::uint32_t a = 0; a < groups.blocks; ++a)
    for (std::uint32_t b = a + 1; b < groups.blocks; ++b) join_groups(in, *router, shape, switches, a, b);
  for (std::size_t p = 0; p < in.ports.size(); ++p) {
    const std::uint32_t at = groups.block_of_port[p] * router->routers +
                             groups.slot_of_port[p] / static_cast<std::uint32_t>(shape.terminals);
    router->router_of_port.push_back(at);
    router->ports.push_back(in.attach(in.ports[p], switches[at]));
  }
  FabricWiring wiring;
  wiring.kind = DomainKind::dragonfly;
  if (groups.whole_nodes) wiring.levels.push_back({DomainKind::full_mesh, groups.block_of_node});
  wiring.router = std::move(router);
  return wiring;
}

}  // namespace orrery
