// Times of Transfers that start to move at the same time and share links as the flow model has it: max-min fair on the rate
// of each one's largest flow (routes.hpp), and what ends leaves its part to the others. Progressive filling (Bertsekas and
// Gallager, Data Networks, section 6.5.2) from one end to the next. Assumes that nothing else is under way; latencies and
// setups, which in a run may keep starts apart, are not in it.
#pragma once

#include <span>
#include <vector>

#include "sim/fabric.hpp"
#include "sim/routes.hpp"

namespace orrery {

struct SharingTransfer {
  const RoutedPattern* pattern = nullptr;
  double bytes = 0;  // that move at the links' full rate
};

std::vector<double> times_sharing(const Fabric&, std::span<const SharingTransfer>);  // s, by Transfer

}  // namespace orrery
