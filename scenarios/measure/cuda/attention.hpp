// Fused attention, forward, by cuDNN's scaled-dot-product operation (backend descriptor of cuDNN 9.13 and later): 16-bit,
// without a mask, equal sequences, batch x heads x sequence x head dimension. cuDNN is looked for at run time; a device or
// size for which it has no engine is NotMeasured. The backward pass and causal masks need a graph of operations per cuDNN
// version and are not timed.
#pragma once

#include "scenarios/measure/cuda/device.hpp"

namespace orrery::cuda {

// "" when the module was built with cuDNN and finds it here, else what is missing.
std::string missing_for_attention();
std::unique_ptr<GpuKernel> prepare_attention(const Session&, const GpuRequest&);
std::string cudnn_version();

}  // namespace orrery::cuda
