// Torus and mesh of routers between the nodes (Cray Gemini, Blue Gene, Tofu; direct networks of pods), routed as
// topologies/lattice.hpp says: dimension order, the shorter way round. Every router holds the NICs of whole nodes where they
// fit and has `cables_per_direction` cables to each neighbour.
// options: dimensions, terminals_per_router (1), cables_per_direction (1), twist (torus: the twisted form).
#include "sim/error.hpp"
#include "topologies/fabric/families.hpp"
#include "topologies/fabric/placement.hpp"
#include "topologies/lattice.hpp"

namespace orrery {

namespace {

class LatticeRouter final : public FabricRouter {
 public:
  std::vector<AttachedPort> ports;
  std::vector<int> router_of_port;
  LatticePaths paths;
  Seconds trunk_latency{0};

  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t key, std::vector<Hop>& hops) const override {
    hops.push_back({ports[from].up, 1});
    const int trunks = paths.route(router_of_port[from], router_of_port[to], key, hops);
    hops.push_back({ports[to].down(), 1});
    return ports[from].latency + ports[to].latency + trunk_latency * trunks;
  }
};

Lattice lattice_of(FabricInput& in, bool wraps) {
  const std::vector<int> sizes = in.option_list("dimensions");
  std::int64_t routers = 1;
  for (int size : sizes)
    if ((routers *= size) > 1 << 20) in.fault("options/dimensions", "at most 1048576 routers", "more");
  Lattice lattice(sizes, wraps);
  if (wraps && in.flag("twist") && !lattice.make_twisted())
    in.fault("options/twist", "false, or dimensions k and 2k (k x 2k, k x k x 2k, k x 2k x 2k)",
             "true for other dimensions");
  return lattice;
}

FabricWiring join_lattice(FabricInput& in, bool wraps) {
  Lattice lattice = lattice_of(in, wraps);
  const int terminals = in.option("terminals_per_router", 1), cables = in.option("cables_per_direction", 1);
  int used = terminals;
  for (int size : lattice.sizes) used += size == 1 ? 0 : size == 2 && !wraps ? cables : 2 * cables;
  if (used > in.spec.radix)
    in.fault("radix", "at least the " + std::to_string(used) + " ports that a router uses",
             std::to_string(in.spec.radix));
  const PortBlocks placed = place_in_blocks(in, terminals);
  const int routers = lattice.vertices();
  if (placed.blocks > static_cast<std::uint32_t>(routers))
    in.fault("options/dimensions", "at least " + std::to_string(placed.blocks) + " routers for all NICs",
             std::to_string(routers));
  FabricWiring wiring;
  wiring.kind = wraps ? DomainKind::torus : DomainKind::mesh;
  wiring.dimensions = lattice.sizes;
  std::vector<VertexId> switches;
  for (int i = 0; i < routers; ++i) switches.push_back(in.add_switch());
  auto router = std::make_unique<LatticeRouter>();
  router->trunk_latency = in.trunk_latency;
  router->paths = LatticePaths(std::move(lattice), in.ideal(), in.seed());
  router->paths.wire([&](int v, int next, int widths, std::size_t) {
    return in.connect(switches[static_cast<std::size_t>(v)], switches[static_cast<std::size_t>(next)], widths * cables)
        .value;
  });
  for (std::size_t p = 0; p < in.ports.size(); ++p) {
    router->router_of_port.push_back(static_cast<int>(placed.block_of_port[p]));
    router->ports.push_back(in.attach(in.ports[p], switches[placed.block_of_port[p]]));
  }
  if (placed.whole_nodes) wiring.levels.push_back({DomainKind::network_switch, placed.block_of_node});
  wiring.router = std::move(router);
  return wiring;
}

}  // namespace

FabricWiring join_torus(FabricInput& in) { return join_lattice(in, true); }
FabricWiring join_mesh(FabricInput& in) { return join_lattice(in, false); }

}  // namespace orrery
