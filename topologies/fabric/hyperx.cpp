// HyperX (Ahn et al., SC 2009): routers on a lattice, fully joined along every dimension; one dimension is a full mesh of
// routers, two and more a flattened butterfly. Dimension-order minimal routing, one hop per dimension that differs, with one
// cable per pair of routers and dimension.
// options: dimensions (sizes of the lattice), terminals_per_router.
#include "topologies/fabric/families.hpp"
#include "topologies/fabric/placement.hpp"

namespace orrery {

namespace {

class HyperXRouter final : public FabricRouter {
 public:
  std::vector<AttachedPort> ports;
  std::vector<std::uint32_t> router_of_port, sizes, strides;
  std::vector<std::vector<LinkId>> links;  // by dimension: router x coordinate of the neighbour
  Seconds trunk_latency{0};

  std::uint32_t at(std::uint32_t router, std::size_t d) const { return router / strides[d] % sizes[d]; }

  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t, std::vector<Hop>& hops) const override {
    std::uint32_t a = router_of_port[from];
    const std::uint32_t b = router_of_port[to];
    Seconds latency = ports[from].latency + ports[to].latency;
    hops.push_back({ports[from].up, 1});
    for (std::size_t d = 0; d < sizes.size(); ++d) {
      if (at(a, d) == at(b, d)) continue;
      hops.push_back({links[d][static_cast<std::size_t>(a) * sizes[d] + at(b, d)], 1});
      a = a - at(a, d) * strides[d] + at(b, d) * strides[d];
      latency += trunk_latency;
    }
    hops.push_back({ports[to].down(), 1});
    return latency;
  }
};

}  // namespace

FabricWiring join_hyperx(FabricInput& in) {
  auto router = std::make_unique<HyperXRouter>();
  const int terminals = in.option("terminals_per_router", 1);
  std::uint64_t all = 1;
  int used = terminals;
  for (int size : in.option_list("dimensions")) {
    router->sizes.push_back(static_cast<std::uint32_t>(size));
    all *= static_cast<std::uint32_t>(size);
    used += size - 1;
    if (all > 1u << 20) in.fault("options/dimensions", "at most 1048576 routers", "more");
  }
  const auto routers = static_cast<std::uint32_t>(all);
  if (used > in.spec.radix)
    in.fault("radix", "at least the " + std::to_string(used) + " ports that a router uses",
             std::to_string(in.spec.radix));
  const PortBlocks placed = place_in_blocks(in, terminals, "options/terminals_per_router");
  if (placed.blocks > routers)
    in.fault("options/dimensions",
             "at least " + std::to_string(placed.blocks) + " routers for all NICs" + in.and_gateways(),
             std::to_string(routers));
  router->strides.assign(router->sizes.size(), 1);
  for (std::size_t d = router->sizes.size(); d-- > 1;) router->strides[d - 1] = router->strides[d] * router->sizes[d];
  router->trunk_latency = in.trunk_latency;
  std::vector<VertexId> switches;
  for (std::uint32_t i = 0; i < routers; ++i) switches.push_back(in.add_switch());
  for (std::size_t d = 0; d < router->sizes.size(); ++d) {
    const std::uint32_t size = router->sizes[d];
    auto& links = router->links.emplace_back(static_cast<std::size_t>(routers) * size);
    for (std::uint32_t a = 0; a < routers; ++a)
      for (std::uint32_t c = router->at(a, d) + 1; c < size; ++c) {
        const std::uint32_t b = a + (c - router->at(a, d)) * router->strides[d];
        const LinkId link = in.connect(switches[a], switches[b], 1);
        links[static_cast<std::size_t>(a) * size + c] = link;
        links[static_cast<std::size_t>(b) * size + router->at(a, d)] = LinkId(link.index() + 1);
      }
  }
  for (std::size_t p = 0; p < in.ports.size(); ++p) {
    router->router_of_port.push_back(placed.block_of_port[p]);
    router->ports.push_back(in.attach(in.ports[p], switches[placed.block_of_port[p]]));
  }
  FabricWiring wiring;
  wiring.kind = DomainKind::hyperx;
  if (placed.whole_nodes) wiring.levels.push_back({DomainKind::network_switch, placed.block_of_node});
  wiring.router = std::move(router);
  return wiring;
}

}  // namespace orrery
