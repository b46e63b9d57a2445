// Constructors of the kernels that the lowering uses: each fills in FLOPs (2 per multiply-add) and compulsory bytes of
// device memory (every operand read once, every result written once), and leaves host time and launch counts to the
// software profile. Counts of vector arithmetic per element are textbook operation counts; they matter only where a device
// has little vector throughput per byte of bandwidth. Sub-16-bit GEMMs write 16-bit results (accumulation is wider).
#pragma once

#include <cstdint>

#include "sim/kernel.hpp"

namespace orrery {

Kernel gemm(std::int64_t m, std::int64_t n, std::int64_t k, DataType type, std::int64_t batch = 1);
// Fused attention (FlashAttention-like): generation 1, 2, 3. Causal counts and computes half of the score matrix (the
// query rows are the last `query_length` positions of the keys, so one query row attends to all of them).
// `heads` are query heads; `kv_heads` must divide them.
Kernel attention(std::int64_t query_length, std::int64_t key_length, std::int64_t head_dim, std::int64_t sequences,
                 std::int64_t heads, std::int64_t kv_heads, bool causal, DataType type, int generation);
// 2.5 times the FLOPs of the forward pass: the scores are recomputed (Dao, FlashAttention-2, arXiv:2307.08691, section 3).
Kernel attention_backward(std::int64_t query_length, std::int64_t key_length, std::int64_t head_dim,
                          std::int64_t sequences, std::int64_t heads, std::int64_t kv_heads, bool causal, DataType type,
                          int generation);
// The same kernel where a row sees the last `window` of its keys only, rows standing anywhere among the n keys: under a
// causal mask w n - w^2 / 2 pairs of n^2 / 2, no longer fewer than without a window once w is n.
Kernel windowed(Kernel attention, std::int64_t window);
// Of attention: FLOPs of one query row and one key, and pairs of them that the kernel computes over those that its mask
// leaves (less than 1: a window).
double flops_per_pair(const Kernel&);
double window_share(const Kernel&);
Kernel softmax(std::int64_t rows, std::int64_t columns, double bytes_per_element_moved, DataType type);
Kernel normalization(std::int64_t rows, std::int64_t columns, double bytes_per_element_moved, DataType type);
// A memory-bound chain: `bytes` moved in all, `flops` of vector arithmetic, as `launches` kernels.
Kernel elementwise(std::int64_t elements, double bytes, double flops, DataType type, int launches = 1);
Kernel embedding(std::int64_t tokens, std::int64_t hidden, DataType type);
Kernel cross_entropy(std::int64_t tokens, std::int64_t vocabulary, double bytes_per_logit, DataType type);
Kernel optimizer_step(double parameters, double bytes_per_parameter, int launches);
Kernel memory_copy(double bytes);  // `bytes` read and as many written
Kernel quantize(std::int64_t elements, DataType from, DataType to);
// Sends `tokens` rows of `hidden` to their experts or back: each of the `copies` routed rows is read and written.
Kernel routing(std::int64_t tokens, std::int64_t hidden, std::int64_t copies, DataType type);
// Adds `inputs` tensors of `elements` into one.
Kernel reduction(std::int64_t elements, std::int64_t inputs, DataType type);
// A convolution as the product it is computed by: m = output positions of all images, n = output channels,
// k = kernel positions x input channels. Bytes: input, weights and output once, not the unfolded input.
Kernel convolution(std::int64_t output_positions, std::int64_t output_channels, std::int64_t kernel_positions,
                   std::int64_t input_channels, std::int64_t input_positions, DataType type);
// One sweep of a stencil of `points` over `cells`: a multiply-add per point; each cell read and written once.
Kernel stencil(std::int64_t cells, int points, DataType type);
// Complex transforms of `length` (5 n log2 n FLOPs each), in `passes` over memory; 0: as few as the device's on-chip memory
// allows, which its cost model knows. `k` of the kernel is the number of passes given; bytes are those that any number of
// them must move: the points, read once and written once.
Kernel fft(std::int64_t length, std::int64_t transforms, int passes, DataType type);
// y = A x of a square matrix in compressed rows: values and 4-byte column indices per non-zero, 4-byte row ends and y per row,
// and x, which is gathered: an element comes from memory `fetches` times in the mean, once where a cache holds what neighbouring
// rows share, as in matrices of meshes, up to once per non-zero of its column where nothing is found again.
Kernel sparse_matrix_vector(std::int64_t rows, std::int64_t non_zeros, DataType type, double fetches = 1);
// One time step of leaky integrate-and-fire neurons: state updated once (8 FLOPs), each synaptic event one addition.
// `k` of the kernel is the number of events.
Kernel spiking_step(std::int64_t neurons, double synaptic_events, DataType type);

}  // namespace orrery
