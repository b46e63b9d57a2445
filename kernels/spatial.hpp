// Machines whose memory is SRAM beside each core: Graphcore's IPU (tiles, bulk-synchronous exchange) and Cerebras' wafer
// (processing elements on a mesh). What a kernel touches stays on chip while it fits; else it is streamed from outside over
// the host link (IPU streaming memory, wafer weight streaming), overlapped with computing.
//   products: the result is cut into one block per core, over the best grid of cores; time = rows x columns x depth of the
//   largest block / (e rate of a core), so that few rows leave cores idle; each block's operands arrive by exchange.
//   exchange: 4 bytes per core and cycle, both machines (Jia et al., arXiv:1912.03413, section 4: 32 bits per tile and
//   cycle; Rocki et al., SC20, arXiv:2010.03660, section II: 32 bits per link and cycle). An IPU computes and exchanges in
//   turns (the times add up), a wafer at once. A stencil exchanges the faces of the cube that a core holds.
// Everything else runs at the SRAM's bandwidth. Not modelled: code and buffers on the tiles, congestion of the mesh, sparsity.
// IPUs are compared with published matrix products (tests/kernels/published_figures_test.cpp), wafers with no measurement:
// a published 25-point stencil on WSE-2 (503 TFLOP/s, Jacquelin et al. 2022, arXiv:2204.03775) is predicted at 1.7 PFLOP/s.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms spatial(const Kernel&, const DeviceContext&);

}  // namespace orrery
