// Kernels of a mixture of experts: the router, sending rows to their experts and back, and the products of all experts in
// one launch. Routers and permutations are streams (they move rows and hardly compute): compulsory bytes, nothing else.
// Permutation is taken as the fused kernels do it (one gather per routed row, one scatter-add per token: Megatron-Core
// moe_permute_fusion, DeepSeek DeepEP); eager frameworks make several passes, which the software profile multiplies.
// A grouped product is one Kernel of kind gemm with m = rows of the busiest expert, batch = experts that have rows and
// group = rows in all, or 1 when all have m: FLOPs and bytes are exact, the tiles of uneven experts an expectation, see
// row_tiles. Reproduces DeepGEMM's grouped fp8 products on H800 (tests/validation/measured, even groups only) as well as
// dense ones; no measurement of uneven groups is at hand.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sim/kernel.hpp"

namespace orrery {

// What a fit calls products of unlike groups among the kernels of its samples.
inline constexpr std::string_view uneven_groups = "uneven groups";

// Rows of each expert (0 allowed) times its own n x k weights.
Kernel grouped_gemm(std::span<const std::int64_t> rows_per_expert, std::int64_t n, std::int64_t k, DataType type);
// The same by its summary: `rows` in all over `experts` that have some, `busiest` of them on one (0: as even as can be).
Kernel grouped_gemm(std::int64_t rows, std::int64_t experts, std::int64_t busiest, std::int64_t n, std::int64_t k,
                    DataType type);
// Softmax over the fp32 logits of all experts and choice of the best `chosen`: logits read, probabilities, indices (4 bytes)
// and weights written. The product that makes the logits is a gemm of tokens x experts x hidden.
Kernel expert_router(std::int64_t tokens, std::int64_t experts, std::int64_t chosen);
// Weighted sum of the `copies` rows that come back for each token: reads copies, writes one. Its gradient as well.
Kernel expert_combine(std::int64_t tokens, std::int64_t hidden, std::int64_t copies, DataType type);

// Tiles of `tile` rows that the product of a batch, or of a group of uneven experts, is cut into. Even batches: exact.
// Uneven: each expert's last tile is filled by half in the mean, within the bounds that rows, experts and busiest set, and no
// fewer than even groups of no more rows have (more rows, or a busier expert, are never faster).
double row_tiles(const Kernel&, int tile);

}  // namespace orrery
