// Times kernels on this machine with Google Benchmark: several repetitions of each, of which the fastest counts, because
// whatever else runs on the machine only adds time. The one door to that library, which may be absent when building.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "scenarios/measure/machine_kernels.hpp"

namespace orrery {

// "" when kernels can be timed, else what was missing when the program was built.
std::string missing_for_timing();

struct Timing {
  double seconds = std::numeric_limits<double>::infinity();  // of one run
  DeviceReading reading;                                     // of the round that was timed last
  std::string skipped;                                       // why it was not timed; "" = it was
};

// About `seconds_each` spent on each kernel, in two rounds over all: a disturbance of seconds hits only one. Kernels that
// time themselves run in trains of a millisecond and more, so that the device never waits for the host between two.
std::vector<Timing> time_kernels(std::span<const MachineKernel>, double seconds_each);

}  // namespace orrery
