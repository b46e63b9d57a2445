// Kernels that stream through device memory, alike for all families: t = launches x t0 + max(bytes / (e BW), vector FLOPs /
// vector peak). e by kind (elementwise streams, normalization, softmax), fitted where measured. Normalization rows too wide
// to stay on chip between their two passes are read again and have their own e. t0 is time on the device, not of the host
// that launches. A transform of n points whose passes nobody states takes log n / log p of them, rounded up, p the points that
// the memory beside a core holds (its own L1 or scratchpad, of CPUs its share of the L2; the whole chip's where that is the
// device's memory): a pass does all it can on p points (Bailey, J. Supercomputing 1990); one where no size is known. Reuse in
// the last-level cache is left out: on A100 (40 MiB) operands of 25 MB in all run about 20 % faster than this, of 50 MB 5 %, of
// 100 MB not at all.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

double memory_efficiency(const Kernel&, const MemoryParameters&);
KernelTerms memory_bound(const Kernel&, const DeviceContext&);

}  // namespace orrery
