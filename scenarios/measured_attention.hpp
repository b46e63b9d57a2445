// A measured attention kernel: fused as its implementation's generation is modelled (kernels/gpu_attention.hpp), unfused as
// the chain of products, masks and softmax that it runs. FLOPs are counted as FlashAttention's benchmarks do: 4 s^2 d per
// head and sequence, half of it when causal, backward 2.5 times forward.
#pragma once

#include <string>

#include "scenarios/measured_kernels.hpp"

namespace orrery {

// `kernel`: attention, attention-forward, attention-backward or attention-forward-backward.
void attention_case(KernelCase&, const MeasuredRow&, const std::string& kernel, RulesUsed&);

}  // namespace orrery
