// Matrix products on a GPU, after how the vendor libraries compute them: the result is cut into tiles, one tile per core
// (SM, CU) at a time, in waves; the last wave may be nearly empty, and edge tiles compute padding.
//   t = launch + (C^q + M^q)^(1/q),  M = bytes / (e_m BW),  C = min over tiles of W x 2 tm tn (k + k0) / (e te peak / cores)
//   W = x + tail (ceil(x) - x) waves for x = tiles / cores, at least one: several tiles share a core, the emptier the last
//       wave the faster its tiles run, and schedulers split it (stream-k); tail 1 counts whole waves, 0 none of the rest
//   te = 1 / (1 + c (1/tm + 1/tn - 1/256 - 1/128)): small tiles need more operand bytes per FLOP
// q: near the ridge neither memory nor compute hides all of the other. q = 2.5 and tail = 0.5 are values of the family, found
// on A100, A40, V100 and H100 together (docs/kernels.md). Tiles 256x128 down to 32x32 (CUTLASS's standard set); the
// library's heuristic is taken to pick the best. Where tiles leave cores idle, k is cut in S parts as far as the cores reach
// (split-k: tiles S <= cores, depth k / S): partial sums in fp32 are written and read once more, by a kernel that adds them;
// the S that takes least time is chosen, as cuBLAS and CUTLASS do. Rows (n, k) that are no multiple of 16 bytes leave the fast
// path. Bytes to memory are compulsory: operands that a last-level cache still holds from the kernel before, or must fetch
// twice, are not told apart; reuse among tiles enters by c and, as energy, by the bytes through the cache. Within 5 % of
// the fastest tile, which is what this model tells tiles apart by, libraries are taken to choose what moves least, and its bytes
// are what energy counts: the time remains the fastest one's, so that it never falls as sizes grow. Under an operator's power
// limit each way counts by its time at the clock that the limit leaves it, its tile 5 % faster than it is but no faster than the
// fastest. The experts of a grouped product share the waves (expert_shapes.hpp). Valid from m, n, k of 1 up; below about 5 us
// the launch term dominates.
#pragma once

#include <cstdint>

#include "kernels/kernel_terms.hpp"

namespace orrery {

struct GemmTiling {
  int tile_m = 0, tile_n = 0;
  double waves = 0;     // W of above
  double core_s = 0;    // time of the matrix units at efficiency 1: what the tiling alone costs
  double operands = 0;  // through the cache per multiply-add, of the tile that takes least (see above)
};

// The fastest tile for one product, with the operands of the tile that moves least; `core_flops` is the peak of one core. With
// k in several `splits`: of those tiles that the cores can compute all parts of at once; tile_m = 0 where there are too many of
// every size.
GemmTiling choose_tiling(const Kernel&, const GemmParameters&, int cores, double core_flops, int splits = 1);

// Rows of every operand start at a multiple of 16 bytes.
bool is_aligned(const Kernel&);

KernelTerms gpu_gemm(const Kernel&, const DeviceContext&);

}  // namespace orrery
