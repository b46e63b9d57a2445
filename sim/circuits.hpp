// Optical circuit switches. A port (one direction of a NIC's fibre, or the whole fibre where light runs both ways) has a
// few circuits, its cables or wavelengths, each of an equal part of its bandwidth, and each joined to one peer at a time.
// What is joined stays so until something else is wanted; then the ports concerned must be idle and are dark for the
// reconfiguration time of their link class.
//   One pattern by itself: its circuits are divided over the pairs of ports that it loads, so that the pair with the most
//   bytes per circuit has as little as possible; pairs that are alike get equally many, so some may stay unused. A port
//   with more peers than circuits serves them in turn: a bipartite graph of degree d needs ceil(d / circuits) settings
//   (Koenig 1916), one more where light runs both ways (Vizing 1964). That assumes peers of equal weight; each Transfer
//   then pays for all settings, and nobody else uses its ports meanwhile.
//   A Program: one setting for everything, or one for the passes and one for gradients and parameters (CircuitRules), each
//   divided by the bytes that its Transfers move in an iteration.
//   The controller knows how many transfers of an execution use which setting of a port: it sets the port for the next phase
//   the moment the last one of a phase is over, and at the start of an execution for what came first in the one before, all
//   ports that are free together at once, so that light is there when the phase begins.
// Not modelled: traffic that crosses several switches, power budgets of light paths.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "sim/fabric.hpp"
#include "sim/program.hpp"
#include "sim/routes.hpp"

namespace orrery {

struct PortSetting {  // what the circuits of a port are joined to
  LinkId port;
  std::vector<std::pair<LinkId, std::uint32_t>> peers;  // and with how many circuits; sorted
  friend bool operator==(const PortSetting&, const PortSetting&) = default;
};

struct CircuitPlan {                  // of a pattern; no settings: it needs none
  std::vector<PortSetting> settings;  // by port
  Seconds reconfiguration{0};
  bool in_turn = false;  // holds its ports for itself
};

// The settings that a port has while a Program is executed once, in no order, and how many transfers use each.
struct PortSchedule {
  struct Use {
    const PortSetting* setting = nullptr;
    std::uint32_t transfers = 0;
  };
  LinkId port;
  std::vector<Use> uses;
};

// Circuits in use, as links that are numbered after those of the fabric.
class CircuitBoard {
 public:
  explicit CircuitBoard(const Fabric& fabric) : fabric_(fabric) {}
  LinkId link_of(LinkId in, LinkId out, BytesPerSecond bandwidth);
  BytesPerSecond bandwidth(LinkId link) const;
  std::size_t links() const { return fabric_.links().size() + bandwidths_.size(); }

 private:
  const Fabric& fabric_;
  std::vector<BytesPerSecond> bandwidths_;
  std::map<std::tuple<LinkId, LinkId, double>, LinkId> numbers_;
};

// A demand for bytes between two ports, and the circuits that it gets.
struct PortPair {
  LinkId a, b;
  double weight = 0;
  std::uint32_t circuits = 0;
};
// False where a port has more peers than circuits.
bool divide_circuits(const Fabric&, std::span<PortPair>);

// The pattern alone: what limits its circuits, and the time for taking turns.
void divide_circuits(const Fabric&, RoutedPattern&);
// All patterns of a Program; puts circuits in the place of the ports that they load. Throws SpecError where a port has
// more peers than circuits and the rules do not let it serve them in turn.
std::vector<CircuitPlan> plan_circuits(const Program&, const Fabric&, std::vector<RoutedPattern>&, CircuitBoard&);
// Of the ports whose transfers hold settings of those plans, in order of port. The plans must stay where they are.
std::vector<PortSchedule> port_schedules(const Program&, const std::vector<CircuitPlan>&);

}  // namespace orrery
