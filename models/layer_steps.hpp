// One transformer layer (and the embedding and output head) as the kernels and collectives that a rank runs in a forward or
// backward pass, after Megatron-LM (Shoeybi et al. 2019; Korthikanti et al. 2022 for sequence parallelism and selective
// recomputation). Element-wise traffic is counted pass by pass: what the software profile fuses moves less.
// The parts of a layer are in attention_steps, expert_steps and, what they share, step_parts.
// Not modelled: bias and mask tensors' own traffic where they are negligible (under 1 % of a layer).
#pragma once

#include <vector>

#include "models/optimizer.hpp"
#include "models/parallelism/plan.hpp"
#include "models/software.hpp"
#include "models/transformer.hpp"
#include "sim/kernel.hpp"
#include "sim/program.hpp"

namespace orrery {

// Who takes part in a collective of a layer.
enum class Peers { tensor, context, experts, expert_tensor };

struct LayerStep {
  enum class Kind { compute, collective, wait } kind = Kind::compute;
  Phase phase = Phase::forward;
  std::vector<Kernel> kernels;                       // compute
  CollectiveKind collective = CollectiveKind::none;  // collective
  Peers peers = Peers::tensor;
  double bytes = 0;
  bool asynchronous = false;  // the next compute does not wait; a later `wait` does
};
using LayerSteps = std::vector<LayerStep>;

// What flows between kernels: bf16 under fp8 and fp4.
DataType activation_type(DataType precision);

struct StepContext {
  const TransformerModel& model;
  const ResolvedPlan& plan;
  const SoftwareProfile& software;
  DataType precision;  // of the matrix products
  Optimizer optimizer = {};

  DataType activations() const { return activation_type(precision); }
  double element() const;  // bytes of one activation
  double tokens() const;   // of one micro-batch on one rank (context-parallel share)
  // Rows that go through the head: predicted ones only. Context-parallel ranks that do not share them evenly wait for the
  // fullest.
  std::int64_t head_tokens() const;
  std::int64_t padded_vocabulary() const;  // at least to what tensor ranks share evenly
};

LayerSteps layer_forward(const StepContext&, LayerKind);
LayerSteps layer_backward(const StepContext&, LayerKind, Recompute);  // recomputation of this layer included
LayerSteps embedding_forward(const StepContext&);
LayerSteps embedding_backward(const StepContext&);
LayerSteps head_forward(const StepContext&);
LayerSteps head_backward(const StepContext&);

}  // namespace orrery
