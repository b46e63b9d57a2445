// How a training step is spread over ranks: the degrees of each dimension, the pipeline schedule, ZeRO stage and
// recomputation, and the batch. Ranks are ordered tensor fastest, then context, data, pipeline (Megatron-LM's default).
// Experts have a grid of their own over the same ranks of a stage (Megatron-Core's parallel folding, arXiv:2504.14960):
// expert-tensor fastest, then expert, then the ranks that hold the same experts.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "models/transformer.hpp"
#include "sim/spec.hpp"

namespace orrery {

enum class Schedule { gpipe, one_f_one_b, interleaved };
template <> struct EnumNames<Schedule> {
  static constexpr std::array<std::string_view, 3> names = {"gpipe", "1f1b", "interleaved"};
};
// minimal: the results of matrix products are kept, everything else of a layer is repeated (JAX's policy "dots with no
// batch dimensions", MaxText's "minimal").
enum class Recompute { none, selective, full, partial, minimal };
template <> struct EnumNames<Recompute> {
  static constexpr std::array<std::string_view, 5> names = {"none", "selective", "full", "fraction", "minimal"};
};
enum class LayerSplit { equal, balanced };
template <> struct EnumNames<LayerSplit> {
  static constexpr std::array<std::string_view, 2> names = {"equal", "balanced"};
};

enum class OffloadTarget { host, pool };
template <> struct EnumNames<OffloadTarget> {
  static constexpr std::array<std::string_view, 2> names = {"host", "pool"};
};

// What is kept in host memory, or in a memory pool behind the host, and crosses the device's host link (PCIe, C2C) when it
// is needed.
struct Offload {
  double activations =
      0;  // share of the layers, dealt evenly to the stages, whose saved activations leave until their backward pass
  bool optimizer = false;  // optimizer states; the host runs the step (ZeRO-Offload, Ren et al. 2021)
  OffloadTarget to = OffloadTarget::host;
  bool any() const { return activations > 0 || optimizer; }
  friend bool operator==(const Offload&, const Offload&) = default;
};

struct Plan {
  std::optional<int> data;  // absent: what the devices leave over
  int tensor = 1, pipeline = 1, virtual_pipeline = 1, context = 1;
  int expert = 1, expert_tensor = 1;  // of the experts' own grid over the tensor x context x data ranks of a stage
  bool sequence_parallel = false;
  int zero_stage = 0;                // 1 optimizer states, 2 and gradients, 3 and parameters (FSDP)
  std::optional<int> zero_group;     // ranks over which ZeRO shards; absent: all data (x context) ranks
  std::optional<Schedule> schedule;  // absent: 1f1b, interleaved when virtual_pipeline > 1
  Recompute recompute = Recompute::none;
  double recompute_fraction = 1;  // of the layers, for "fraction"
  LayerSplit layer_split =
      LayerSplit::equal;  // balanced: as even as possible, embedding and head counted as a layer each
  Offload offload;
};

struct Batch {
  std::int64_t global = 0;  // sequences per step
  std::int64_t micro = 1;   // sequences per data-parallel rank and micro-batch
};

void fields(Fields&, Offload&);
void fields(Fields&, Plan&);
void fields(Fields&, Batch&);

// A plan that fits a number of devices: every degree known.
struct ResolvedPlan {
  int data = 1, tensor = 1, pipeline = 1, virtual_pipeline = 1, context = 1;
  int expert = 1, expert_tensor = 1;
  bool sequence_parallel = false;
  int zero_stage = 0, zero_group = 1;  // zero_group: ranks that share one copy, among data x context
  Schedule schedule = Schedule::one_f_one_b;
  Recompute recompute = Recompute::none;
  double recompute_fraction = 1;
  LayerSplit layer_split = LayerSplit::equal;
  Offload offload;
  std::int64_t micro_batch = 1, micro_batches = 1;  // per data-parallel rank
  int ranks() const { return data * tensor * pipeline * context; }
  int shards() const { return data * context; }  // ranks with the same parameters
  int expert_shards() const { return data * context * tensor / (expert * expert_tensor); }  // with the same experts
  int expert_zero_group() const {  // of the ranks that share one copy, those with the same experts
    return std::max(1, zero_group * tensor / (expert * expert_tensor));
  }
};

// Checks the plan against model and device count; faults carry pointers below `pointer` ("/jobs/0").
ResolvedPlan resolve_plan(const Plan&, const Batch&, const TransformerModel&, std::size_t devices,
                          const std::string& file, const std::string& pointer);

// Layers of each chunk, in model order (chunk c of stage p is chunk number c * pipeline + p).
std::vector<int> split_layers(const TransformerModel&, const ResolvedPlan&);

}  // namespace orrery
