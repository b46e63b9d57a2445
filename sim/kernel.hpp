// A kernel as the cost models see it: what it computes, not how long it takes. Constructors for each kind live in
// kernels/ and fill in `flops` (2 per multiply-add) and `bytes` (compulsory traffic to device memory).
// Dimensions by kind: gemm m,n,k,batch · attention m=query length, n=key length, k=head dimension, batch=sequences x query heads,
// `group`=query heads per key-value head · normalization and softmax m=rows, n=columns · elementwise, copy, optimizer n=elements.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sim/data_type.hpp"

namespace orrery {

enum class KernelKind : std::uint8_t {
  gemm,
  attention,
  attention_backward,
  softmax,
  normalization,
  elementwise,
  embedding,
  cross_entropy,
  optimizer,
  copy,
  routing,
  quantize,
  reduction,
  convolution,
  stencil,
  fft,
  sparse_matrix_vector,
  spiking_step
};
inline constexpr std::array<std::string_view, 18> kernel_kind_names = {"gemm",
                                                                       "attention",
                                                                       "attention-backward",
                                                                       "softmax",
                                                                       "normalization",
                                                                       "elementwise",
                                                                       "embedding",
                                                                       "cross-entropy",
                                                                       "optimizer",
                                                                       "copy",
                                                                       "routing",
                                                                       "quantize",
                                                                       "reduction",
                                                                       "convolution",
                                                                       "stencil",
                                                                       "fft",
                                                                       "sparse-matrix-vector",
                                                                       "spiking-step"};
constexpr std::string_view name(KernelKind k) { return kernel_kind_names[static_cast<std::size_t>(k)]; }

struct Kernel {
  KernelKind kind = KernelKind::elementwise;
  DataType type = DataType::bf16;
  bool causal = false;
  std::uint16_t launches = 1;  // device launches of one repeat: an eager chain of five kernels is 5 (bytes say so too)
  std::uint16_t generation =
      0;  // of the algorithm, for attention: 1 = first fused kernels, 2 = FlashAttention-2, 3 = cuDNN/FA3
  std::uint32_t repeat = 1;  // executed this many times in a row
  std::int64_t m = 1, n = 1, k = 1, batch = 1, group = 1;
  double flops = 0;      // of one repeat
  double counted = 1;    // times `flops` that hardware FLOPs count: as in model FLOPs, causal attention counts in full
  double bytes = 0;      // of one repeat
  double host_s = 0;     // time the host needs to launch one repeat; the software profile decides (0: graph, compiled)
  double covered_s = 0;  // part of host_s that passes while the device waits in collectives around this kernel
  friend bool operator==(const Kernel&, const Kernel&) = default;
};

}  // namespace orrery
