// GPUs: matrix products and convolutions (as implicit products) by tiles and waves, fused attention by kernel generation,
// everything else by memory traffic. Needs the number of cores and the bandwidth of the data sheet.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms gpu(const Kernel&, const DeviceContext&);

}  // namespace orrery
