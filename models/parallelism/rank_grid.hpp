// Ranks as points of a grid, tensor fastest, then context, data, pipeline (Megatron-LM's default order), and the groups
// that communicate along each dimension. The same ranks of a stage form a second grid for experts: expert-tensor fastest,
// then expert, then the ranks that hold the same experts (Megatron-Core's parallel folding).
#pragma once

#include <vector>

#include "models/parallelism/plan.hpp"

namespace orrery {

enum class GroupFamily {
  tensor,            // share a layer
  context,           // share a sequence
  shards,            // same parameters, share one ZeRO copy (all data x context ranks when not restricted)
  replicas,          // same parameters, same place in different ZeRO copies
  gradients,         // same parameters: all data x context ranks
  next_stage,        // sender and receiver of forward activations (stage s to s+1, wrapping round when interleaved)
  embedding,         // first and last stage, which hold tied embeddings
  experts,           // hold different experts of a layer and exchange tokens
  expert_tensor,     // share an expert
  expert_shards,     // same experts, share one ZeRO copy
  expert_replicas,   // same experts, same place in different ZeRO copies
  expert_gradients,  // same experts
  model,             // one whole copy of the model: all tensor and pipeline ranks of one data x context rank
  world
};
inline constexpr std::size_t group_family_count = 14;

struct RankGrid {
  int tensor = 1, context = 1, data = 1, pipeline = 1;
  int zero_group = 1;
  int expert = 1, expert_tensor = 1, expert_zero_group = 1;
  bool has_experts = false;     // else the expert families are empty
  bool wraps = false;           // interleaved: the last stage sends forward to the first
  bool tied_embedding = false;  // first and last stage exchange embedding gradients

  RankGrid(const ResolvedPlan& plan, bool tied, bool experts);
  int ranks() const { return tensor * context * data * pipeline; }
  int ranks_per_stage() const { return tensor * context * data; }
  int rank(int t, int c, int d, int p) const { return t + tensor * (c + context * (d + data * p)); }
  int stage_of(int rank) const { return rank / ranks_per_stage(); }

  // All groups of a family with more than one member, in rank order (next_stage: {sender, receiver}).
  std::vector<std::vector<int>> groups(GroupFamily) const;
};

}  // namespace orrery
