// Fused attention (FlashAttention family) by kernel generation: rate = peak e d/(d + d0) s/(s + s0) on the FLOPs counted in
// shapes.hpp, s the key length; causal kernels have their own s0 (they visit the diagonal blocks whole). The measured
// curves of FlashAttention-2 and cuDNN on A100 and H100 follow this within 4 %.
// Query rows are cut into blocks of 128, one to a core at a time; up to 64 rows heads that share keys fill blocks
// together (padded to 16 rows). A block takes s + s0 steps, all blocks whole waves of them. Under a causal mask blocks are of
// unequal length: the time is their mean on all cores and half a mean block more, for the cores that run out of blocks
// first; at least that of the longest block (whose last row sees all keys), at most what no mask would take. A sliding
// window (kernels/shapes.hpp) leaves fewer keys to the mean and to the longest block; nothing of it was fitted. Where blocks
// leave a fifth of the cores idle, keys are split as well (FlashAttention's heuristic; flash decoding, Dao et al. 2023), down
// to 128 keys, for partial outputs in fp32 that another kernel joins. Backward is taken alike: it cuts the keys, and adds up
// its partial results in fp32. Head dimensions that are no multiple of 8 leave the fast path. Unfused attention is no kernel of
// this kind: lower it as batched gemm, softmax and elementwise kernels. What a board sustains in matrix products is a ceiling
// to the rate.
#pragma once

#include <cstdint>

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms gpu_attention(const Kernel&, const DeviceContext&);

// The newest kernel that is not newer than asked for (the oldest when all are newer).
const DeviceCalibration::Found<AttentionParameters>& attention_parameters(const DeviceCalibration&, int generation);

// Fraction of the matrix peak that the counted FLOPs of this kernel over `keys` keys run at when the cores are full.
double attention_rate_fraction(const Kernel&, const AttentionParameters&, double keys, bool causal);

// Whether the parameters were fitted to kernels like this one.
bool attention_calibrated(const DeviceCalibration::Found<AttentionParameters>&, const Kernel&);

// Query rows per head that see a key at all: a causal mask hides all keys from rows that stand before the first.
std::int64_t seeing_rows(const Kernel&);

}  // namespace orrery
