// One scenario at other numbers of devices. The rules, in the order in which they apply:
//   nodes        as many nodes of the pool as hold the devices; a job smaller than its node leaves the rest idle. A job that
//                is placed keeps its first device, in its cluster as stated, which grows where it is too small
//   slice        a torus of devices that is the whole cluster (one node, no fabric) grows itself: its shortest sides are
//                multiplied, and the NICs with them; other sizes than multiples are none
//   fabric       as stated where the NICs fit; a fat-tree that is too small gets the fewest levels that fit, a HyperX
//                longer sides, the shortest first; a dragonfly has as many groups as it needs
//   data         what tensor x pipeline x context (kept as stated) leave of the devices
//   batch        strong scaling: the global batch stays; weak: it grows with the devices (sequences per device stay)
//   accumulation micro-batches per replica follow; the micro-batch shrinks only where a replica's share of the batch is
//                not a multiple of it (or, interleaved, where the micro-batches are no multiple of the stages)
//   ZeRO group   all data x context ranks if it was; else as stated, cut down to a divisor of them
//   stragglers   those whose device still exists
//   memory pools as stated, for as many nodes each: sizes whose nodes they do not divide are none
// A size to which the rules cannot bring the scenario is a row with a reason, not an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/scenario.hpp"

namespace orrery {

enum class ScalingMode { strong, weak };
template <> struct EnumNames<ScalingMode> {
  static constexpr std::array<std::string_view, 2> names = {"strong", "weak"};
};
constexpr std::string_view name(ScalingMode mode) {
  return EnumNames<ScalingMode>::names[static_cast<std::size_t>(mode)];
}

struct ScaledScenario {
  Json document;  // to be read; every part inline
  std::int64_t nodes = 0;
  std::vector<std::string> changes;  // "micro-batch 18 -> 6: ..."; what the size itself implies is not listed
  std::string impossible;            // why the scenario cannot have this size; else empty
};

// "8..8192" (doubled from the first to the last, which is always included), "8,64,512", or both: "8..64,96".
// Increasing, without duplicates. Throws std::invalid_argument with what is wrong.
std::vector<std::int64_t> parse_device_counts(std::string_view text);

// Throws SpecError where the rules do not apply: several jobs or several pools.
void check_scalable(const Scenario&, const std::string& file);
std::int64_t devices_of(const Scenario&);  // of its job, as stated
ScaledScenario scaled(const Scenario&, std::int64_t devices, ScalingMode);

}  // namespace orrery
