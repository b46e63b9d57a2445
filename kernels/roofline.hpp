// The roofline (Williams, Waterman, Patterson, CACM 2009) with two efficiencies and a launch time, for device families
// without measured kernels of their own: CPUs, IPUs, wafer-scale, dataflow, FPGA, neuromorphic. Says `calibrated = false`
// unless a calibration file names the device. Attention runs at its own fraction of the peak (gpu_attention.hpp). Shapes do not
// matter beyond FLOPs and bytes, so small or skinny kernels come out too fast.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms roofline(const Kernel&, const DeviceContext&);

}  // namespace orrery
