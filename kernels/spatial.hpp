// Machines whose memory is SRAM beside each core: Graphcore's IPU (tiles, bulk-synchronous exchange) and Cerebras' wafer
// (processing elements on a mesh).
//   products: the result is cut into one block per core, over the best grid of cores; time = rows x columns x depth of the
//   largest block / (e rate of a core), so that few rows leave cores idle; each block's operands arrive by exchange.
//   exchange: 4 bytes per core and cycle, both machines (Jia et al., arXiv:1912.03413, section 4: 32 bits per tile and
//   cycle; Rocki et al., SC20, arXiv:2010.03660, section II: 32 bits per link and cycle). An IPU computes and exchanges in
//   turns (the times add up), a wafer at once. A stencil exchanges the faces of the cube that a core holds.
// Everything else runs at the SRAM's bandwidth. Bytes exchanged cost the energy of the SRAM's on top of the operands'. Operands
// that do not fit on chip (operands.hpp) stream from outside over the host link, overlapped with computing, whenever they are
// moved: asked of one kernel by itself. In a run the memory plan tells what is resident: where it fits nothing streams, and
// where it does not, its times are those of a machine with enough memory. Not modelled: a run that streams the weights of a
// whole model layer by layer (wafers) or phase by phase (IPU streaming memory), the energy of the host link under a single
// kernel, code and buffers on the tiles, congestion of the mesh, sparsity.
// IPUs are compared with published matrix products (tests/kernels/published_figures_test.cpp), wafers with no measurement:
// a published 25-point stencil on WSE-2 (503 TFLOP/s, Jacquelin et al. 2022, arXiv:2204.03775) is predicted at 1.7 PFLOP/s.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms spatial(const Kernel&, const DeviceContext&);

// What the operands of a kernel by itself need over the host link where they do not fit on an IPU or wafer; else 0.
double streaming_seconds(const Kernel&, const DeviceModel&);

}  // namespace orrery
