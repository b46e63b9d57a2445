// A pattern of flows laid onto the fabric: how many of the Transfer's bytes cross each link, and the latency of one round.
// All flows of a pattern move at one rate (they are steps of one pipelined algorithm), so the pattern is limited by its
// most loaded link: alone it needs setup + rounds x latency + bytes x bottleneck.
// Where Transfers meet on a link they share it per flow: max-min on the rate of each one's largest flow on its own most
// loaded links (`fair_share` x the rate of the Transfer), so it does not matter whether the lowering wrote the bytes of
// one flow or of the whole buffer, and a flow with copies = 3 gets three shares. Where a pattern lays several alike groups
// together, what one of them loads by itself decides: so each would share if it were a Transfer of its own.
#pragma once

#include <span>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/program.hpp"

namespace orrery {

struct LinkLoad {
  LinkId link;
  double weight = 0;  // bytes over this link per byte of the Transfer
};

struct CircuitLoad {  // on a circuit through an optical circuit switch
  LinkId in, out;
  double weight = 0;
  double largest_share = 0;  // of a flow over it
  double bandwidth = 0;      // B/s, of the cables or wavelengths that it gets
};

struct RoutedPattern {
  std::vector<LinkLoad> loads;        // sorted by link
  Seconds latency{0};                 // of the flow with the longest path
  double bottleneck = 0;              // max weight / bandwidth, s/B
  double energy_per_byte = 0;         // J per byte of the Transfer
  double fair_share = 1;              // share of the largest flow on the most loaded links of one group
  std::vector<CircuitLoad> circuits;  // sorted; their ports are in `loads` too
  double switching_s = 0;             // in every Transfer: ports that serve more peers than they have circuits
  double wires_bottleneck = 0, wires_share = 1;  // bottleneck and fair share before circuits are divided
};

// `of_one_group`: the first flows that are those of one group (Program::pattern_group). `latencies`: where wanted, of each flow.
RoutedPattern route_pattern(const Fabric&, const Router&, std::span<const Flow> flows, std::size_t of_one_group,
                            std::vector<Seconds>* latencies = nullptr);
inline RoutedPattern route_pattern(const Fabric& fabric, const Router& router, std::span<const Flow> flows) {
  return route_pattern(fabric, router, flows, flows.size());
}

// Time of a Transfer that shares no link.
Seconds time_alone(const Operation&, const RoutedPattern&);

}  // namespace orrery
