// Collects kernels into steps while a pass is written down: consecutive kernels share a step until a collective
// comes between them. Knows the sizes that every part of a layer needs, so that the passes read like a parts list.
#pragma once

#include "kernels/shapes.hpp"
#include "models/layer_steps.hpp"

namespace orrery {

class StepWriter {
 public:
  StepWriter(const StepContext& context, Phase phase, LayerKind kind = {});

  void phase(Phase p) { phase_ = p; }
  void kernel(Kernel k);
  // `passes` bytes per element moved by a chain of `launches` element-wise kernels.
  void elementwise(double elements, double bytes_per_element, int launches = 1);
  void collective(CollectiveKind kind, Peers peers, double bytes, bool asynchronous = false);
  void wait();
  // Spreads the host's launch time evenly over the launches of all steps written so far in `phase`.
  // Where launches block, it passes between the kernels instead of beside them.
  void host_time(Phase phase, Seconds total);
  LayerSteps finish() { return std::move(steps_); }

  // Tensor-parallel sizes of this rank.
  const StepContext& context;
  const TransformerModel& model;
  const SoftwareProfile& software;
  double e;                  // bytes per activation
  std::int64_t t;            // tensor degree
  std::int64_t tokens;       // T
  std::int64_t rows;         // tokens in the regions that are not tensor-parallel (T/t under sequence parallelism)
  std::int64_t h, q, kv, f;  // hidden, and per rank: query, key-value and feed-forward widths (shared experts' if any)
  std::int64_t pairs, o;     // per rank: keys and values together, and what attention gives to the output projection
  LayerKind kind;
  std::int64_t branches;   // 2 for gated feed-forward
  DataType linear, other;  // types of linear layers and of everything else
  bool biased;             // linear layers have biases (models with layer norm)

 private:
  LayerStep& compute_step();
  LayerSteps steps_;
  Phase phase_;
};

}  // namespace orrery
