// FPGAs as pipelined dataflow: a kernel is a pipeline that takes one set of operands per cycle (initiation interval 1) into
// as many lanes as the DSP blocks allow (the peak of the data sheet, or of the file that describes the device), fed from the
// memory channels; filling and draining the pipeline costs `depth` cycles of the design's clock.
//   products block for on-chip RAM: a block of b x b results, b^2 elements in half of it, moves 2 m n k / b elements
//   (de Fine Licht, Kwasniewski, Hoefler, FPGA 2020, arXiv:1912.06526, eq. 6), which rules while it exceeds the operands.
// Everything else streams. Kernels are charged no loading of their bitstream: where one does not hold all phases of a
// step, the lowering charges it (models/parallelism/reconfiguration.hpp). Valid for designs that close timing with most of the
// DSPs; what a first OpenCL version reaches is far below.
// Compared with STREAM and single-precision GEMM of the HPC Challenge on U280: tests/kernels/published_figures_test.cpp.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms fpga(const Kernel&, const DeviceContext&);

}  // namespace orrery
