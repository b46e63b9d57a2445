// Torus and mesh of routers between the nodes (Cray Gemini, Blue Gene, Tofu; direct networks of pods), routed as
// topologies/lattice.hpp says: dimension order, the shorter way round. Every router holds the NICs of whole nodes where they
// fit and has `cables_per_direction` cables to each neighbour.
// Hashing takes one of these cables per flow and hop.
// options: dimensions, terminals_per_router (1), cables_per_direction (1), twist (torus: the twisted form).
#include <unordered_map>

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
  // Hashed: the cables of a bundle follow each other, links there and back; by the first one's way there and way back.
  std::unordered_map<std::uint32_t, std::uint32_t> cables_from;  // only looked up
  std::uint64_t seed = 0;

  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t key, std::vector<Hop>& hops) const override {
    hops.push_back({ports[from].up, 1});
    const std::size_t first = hops.size();
    const int trunks = paths.route(router_of_port[from], router_of_port[to], key, hops);
    for (std::size_t h = first; h < hops.size() && !cables_from.empty(); ++h) pick_cable(hops[h], from, to, key);
    hops.push_back({ports[to].down(), 1});
    return ports[from].latency + ports[to].latency + trunk_latency * trunks;
  }

 private:
  void pick_cable(Hop& hop, std::uint32_t from, std::uint32_t to, std::uint64_t key) const {
    const auto bundle = cables_from.find(hop.link.value);
    if (bundle == cables_from.end()) return;
    const std::uint32_t one = choose_path(from, to, key, seed, bundle->first, bundle->second);
    hop.link = LinkId(hop.link.index() + 2 * std::size_t{one});
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
  const PortBlocks placed = place_in_blocks(in, terminals, "options/terminals_per_router");
  const int routers = lattice.vertices();
  if (placed.blocks > static_cast<std::uint32_t>(routers))
    in.fault("options/dimensions",
             "at least " + std::to_string(placed.blocks) + " routers for all NICs" + in.and_gateways(),
             std::to_string(routers));
  FabricWiring wiring;
  wiring.kind = wraps ? DomainKind::torus : DomainKind::mesh;
  wiring.dimensions = lattice.sizes;
  std::vector<VertexId> switches;
  for (int i = 0; i < routers; ++i) switches.push_back(in.add_switch());
  auto router = std::make_unique<LatticeRouter>();
  router->trunk_latency = in.trunk_latency;
  router->paths = LatticePaths(std::move(lattice), in.ideal(), in.seed());
  router->seed = in.seed();
  router->paths.wire([&](int v, int next, int widths, std::size_t) {
    const VertexId a = switches[static_cast<std::size_t>(v)], b = switches[static_cast<std::size_t>(next)];
    const int all = widths * cables;
    const LinkId first = in.connect(a, b, in.ideal() ? all : 1);
    if (in.ideal() || all == 1) return first.value;
    for (int more = 1; more < all; ++more) in.connect(a, b, 1);
    for (std::uint32_t way : {first.value, first.value + 1}) router->cables_from[way] = static_cast<std::uint32_t>(all);
    return first.value;
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
