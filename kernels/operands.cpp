#include "kernels/operands.hpp"

#include <algorithm>

namespace orrery {

double operand_bytes(const Kernel& kernel) {
  const double m = static_cast<double>(kernel.m), n = static_cast<double>(kernel.n);
  const double width = bytes_per_element(kernel.type);
  switch (kernel.kind) {
    case KernelKind::gemm:
    case KernelKind::convolution:
    case KernelKind::attention:  // queries, keys, values and outputs, backward their gradients: all distinct
    case KernelKind::attention_backward:
    case KernelKind::copy:
    case KernelKind::quantize:  // reads one width and writes another
      return kernel.bytes;
    case KernelKind::softmax:
    case KernelKind::normalization:
    case KernelKind::cross_entropy:  // the rows, in place
      return std::min(kernel.bytes, m * n * width);
    case KernelKind::reduction:  // into one of the m inputs
      return kernel.bytes * m / (m + 1);
    case KernelKind::sparse_matrix_vector:  // however often x is fetched
      return std::min(kernel.bytes, n * (width + 4) + m * (4 + width) + std::min(m, n) * width);
    case KernelKind::elementwise:  // in place, once per launch
    case KernelKind::fft:
      return kernel.bytes / 2 / kernel.launches;
    case KernelKind::embedding:
    case KernelKind::optimizer:
    case KernelKind::routing:
    case KernelKind::stencil:
    case KernelKind::spiking_step:
      return kernel.bytes / 2;
  }
  return kernel.bytes;
}

}  // namespace orrery
