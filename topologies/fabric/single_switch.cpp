// All NICs on one switch that never blocks: the reference that other fabrics are compared with.
#include "topologies/fabric/families.hpp"

namespace orrery {

namespace {

class SingleSwitchRouter final : public FabricRouter {
 public:
  explicit SingleSwitchRouter(std::vector<AttachedPort> ports) : ports_(std::move(ports)) {}
  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t, std::vector<Hop>& hops) const override {
    hops.push_back({ports_[from].up, 1});
    hops.push_back({ports_[to].down(), 1});
    return ports_[from].latency + ports_[to].latency;
  }

 private:
  std::vector<AttachedPort> ports_;
};

}  // namespace

FabricWiring join_none(FabricInput&) { return {}; }

FabricWiring join_single_switch(FabricInput& in) {
  const VertexId hub = in.add_switch();
  std::vector<AttachedPort> ports;
  for (const FabricPort& port : in.ports) ports.push_back(in.attach(port, hub));
  FabricWiring wiring;
  wiring.kind = DomainKind::network_switch;
  wiring.router = std::make_unique<SingleSwitchRouter>(std::move(ports));
  return wiring;
}

}  // namespace orrery
