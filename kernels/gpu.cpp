#include "kernels/gpu.hpp"

#include "kernels/gpu_attention.hpp"
#include "kernels/gpu_gemm.hpp"
#include "kernels/memory_bound.hpp"

namespace orrery {

KernelTerms gpu(const Kernel& kernel, const DeviceContext& context) {
  switch (kernel.kind) {
    case KernelKind::gemm:
    case KernelKind::
        convolution:  // implicit GEMM: m = output positions, n = output channels, k = taps x input channels
      return gpu_gemm(kernel, context);
    case KernelKind::attention:
    case KernelKind::attention_backward:
      return gpu_attention(kernel, context);
    default:
      return memory_bound(kernel, context);
  }
}

}  // namespace orrery
