// NICs joined by optical circuit switches (MEMS mirrors, piezo, wavelength-selective): light paths that are set for a while, as
// in Helios (Farrington et al., SIGCOMM 2010), TPU v4 (Jouppi et al., ISCA 2023) and TopoOpt (Wang et al., NSDI 2023). What is
// joined when, and who waits for it, is sim/circuits.hpp. A NIC has `cables_per_nic` fibres, each to a switch of its own bank,
// times `wavelengths` that the switch directs one by one; each circuit carries an equal part of the NIC's rate. One bank joins
// all NICs, or (rail_optimized, with pxn) one bank all NICs of a rail. The parallel switches of a bank are one vertex.
// A path costs one hop of the NIC's link and the light path of the switch's.
// options: cables_per_nic (the cables of the NIC), wavelengths (1), ports (of a switch; the link's `ports`, else radix),
//   reconfigure (per-phase, never), oversubscribed (error, in-turn), bidirectional (false)
#include <algorithm>
#include <map>

#include "sim/error.hpp"
#include "topologies/fabric/families.hpp"

namespace orrery {

namespace {

class CircuitRouter final : public FabricRouter {
 public:
  std::vector<AttachedPort> ports;
  Seconds latency{0};

  Seconds route(std::uint32_t from, std::uint32_t to, std::uint64_t, std::vector<Hop>& hops) const override {
    hops.push_back({ports[from].up, 1});
    hops.push_back({ports[to].down(), 1});
    return latency;
  }
};

// A class for the link of these NICs through the switch: the NIC's energy and the switch's.
LinkClassId class_through(FabricInput& in, LinkClassId nic) {
  const LinkClass &near = in.fabric.link_class(nic), &through = in.fabric.link_class(in.trunk_class);
  // Both cables of a path have this class: half of the switch's light path each.
  const auto half = through.energy ? std::optional(*through.energy * 0.5) : std::nullopt;
  return in.fabric.add_link_class(
      {near.name + " through " + through.name, sum(near.energy, half), through.reconfiguration});
}

int bank_of(const FabricInput& in, const FabricPort& port) { return in.spec.rail_optimized ? port.rail : 0; }

void check_rails(FabricInput& in) {
  const bool several = std::any_of(in.ports.begin(), in.ports.end(), [](const FabricPort& p) { return p.rail > 0; });
  if (!in.spec.rail_optimized || !several) return;
  if (in.gateways > 0)
    in.fault("rail_optimized", "false: no light goes from rail to rail, and a region's gateway is of one", "true");
  if (!in.flag("pxn"))
    in.fault("options/pxn", "true: no light goes from rail to rail, so that messages must change rails inside a node",
             "false");
}

// Each fibre of a NIC goes to an optical switch of its own, where a mirror and no module ends it: half of a cable for each of the
// NIC's, whose modules break out into the fibres.
void count_parts(const FabricInput& in, const FabricPort& port, VertexId bank, LinkClassId path, int fibres) {
  const std::string& link = in.fabric.link_class(path).name;
  in.inventory->switches(bank, in.spec.network_switch ? in.spec.network_switch : in.trunk_link->network_switch, link,
                         fibres);
  if (port.nics)
    in.inventory->cables(port.nics->cable ? port.nics->cable : port.nics->link.cable, link, port.cables * 0.5);
}

}  // namespace

FabricWiring join_optical_circuits(FabricInput& in) {
  if (!in.spec.link || !in.spec.link->reconfiguration_time)
    in.fault("link", "the link of an optical circuit switch, with a reconfiguration_time",
             in.spec.link ? "\"" + in.spec.link->name + "\" without one" : "none");
  check_rails(in);
  in.fabric.set_circuit_rules({in.choice("reconfigure", {"per-phase", "never"}) == "per-phase",
                               in.choice("oversubscribed", {"error", "in-turn"}) == "in-turn",
                               in.flag("bidirectional")});
  const int wavelengths = in.option("wavelengths", 1);
  const int switch_ports = in.option("ports", in.spec.link->ports.value_or(in.spec.radix));
  std::map<int, std::pair<VertexId, int>> banks;  // and NICs on each of its switches
  auto router = std::make_unique<CircuitRouter>();
  for (const FabricPort& port : in.ports) {
    auto [bank, added] = banks.try_emplace(bank_of(in, port));
    if (added) bank->second.first = in.add_switch();
    if (++bank->second.second > switch_ports)
      in.fault("options/ports", "a port of each optical switch for every NIC that it joins",
               std::to_string(switch_ports) + " ports");
    const int fibres = in.option("cables_per_nic", port.cables);
    const std::int64_t circuits = std::int64_t{fibres} * wavelengths;
    if (circuits > 65536)
      in.fault("options/wavelengths", "at most 65536 circuits of a NIC: fibres times wavelengths",
               std::to_string(circuits));
    const LinkClassId path = class_through(in, port.link_class);
    const Seconds half = (port.latency + in.trunk_latency) * 0.5;
    const LinkId up = in.fabric.add_cable(port.nic, bank->second.first, port.bandwidth, half, path,
                                          static_cast<std::uint32_t>(circuits), port.cables);
    router->ports.push_back({up, half});
    if (in.inventory) count_parts(in, port, bank->second.first, path, fibres);
    router->latency = half * 2;
  }
  FabricWiring wiring;
  wiring.kind = DomainKind::optical_circuits;
  wiring.router = std::move(router);
  return wiring;
}

}  // namespace orrery
