// Kernels that stream through device memory, alike for all families: t = launches x t0 + max(bytes / (e BW), vector FLOPs /
// vector peak). e by kind (elementwise streams, normalization, softmax), fitted where measured. Normalization rows too wide
// to stay on chip between their two passes are read again and have their own e. t0 is the time on the device, not of the
// host that launches. No bonus for tensors that fit in the last-level cache: the measured kernels show none beyond noise.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

double memory_efficiency(const Kernel&, const MemoryParameters&);
KernelTerms memory_bound(const Kernel&, const DeviceContext&);

}  // namespace orrery
