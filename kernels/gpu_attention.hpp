// Fused attention (FlashAttention family) by kernel generation: rate = peak e d/(d + d0) s/(s + s0) on the FLOPs counted in
// shapes.hpp, s the key length; causal kernels have their own s0 (they visit the diagonal blocks whole). The measured
// curves of FlashAttention-2 and cuDNN on A100 and H100 follow this within 4 %. Query rows are padded to blocks of 128
// that fill the cores in waves; up to 64 query rows (decoding) the keys are split over the cores instead.
// Head dimensions that are no multiple of 8 leave the fast path. Unfused attention is no kernel of this kind: lower it as
// batched gemm, softmax and elementwise kernels. What a board sustains in matrix products is a ceiling to the rate.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms gpu_attention(const Kernel&, const DeviceContext&);

// The newest kernel that is not newer than asked for (the oldest when all are newer).
const DeviceCalibration::Found<AttentionParameters>& attention_parameters(const DeviceCalibration&, int generation);

// Fraction of the matrix peak that the kernel's counted FLOPs run at when the cores are full.
double attention_rate_fraction(const Kernel&, const AttentionParameters&);

}  // namespace orrery
