// GPUs: matrix products by tiles and waves, fused attention by kernel generation, the rest by memory traffic.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms gpu(const Kernel&, const DeviceContext&);

}  // namespace orrery
