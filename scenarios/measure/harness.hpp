// Times kernels on this machine with Google Benchmark: several repetitions of each, of which the fastest counts, because
// whatever else runs on the machine only adds time. The one door to that library, which may be absent when building.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "scenarios/measure/machine_kernels.hpp"

namespace orrery {

// "" when kernels can be timed, else what was missing when the program was built.
std::string missing_for_timing();

// Seconds of each kernel, about `seconds_each` spent on one, in two rounds over all: a disturbance of seconds hits only one.
std::vector<double> time_kernels(std::span<const MachineKernel>, double seconds_each);

}  // namespace orrery
