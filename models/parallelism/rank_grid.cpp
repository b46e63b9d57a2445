#include "models/parallelism/rank_grid.hpp"

namespace orrery {

RankGrid::RankGrid(const ResolvedPlan& plan, bool tied, bool experts)
    : tensor(plan.tensor),
      context(plan.context),
      data(plan.data),
      pipeline(plan.pipeline),
      zero_group(plan.zero_group),
      expert(plan.expert),
      expert_tensor(plan.expert_tensor),
      expert_zero_group(plan.expert_zero_group()),
      has_experts(experts),
      wraps(plan.schedule == Schedule::interleaved),
      tied_embedding(tied && plan.pipeline > 1) {}

namespace {

using Groups = std::vector<std::vector<int>>;

// Ranks first + k x stride for k < count.
std::vector<int> strided(int first, int stride, int count) {
  std::vector<int> ranks;
  for (int k = 0; k < count; ++k) ranks.push_back(first + k * stride);
  return ranks;
}

// Ranks of a stage that hold the same parameters are `stride` apart; `zero_group` neighbours among them share one copy.
Groups along_parameters(const RankGrid& g, int stride, int zero_group, bool shards) {
  Groups all;
  const int copies = g.ranks_per_stage() / stride / zero_group;
  for (int p = 0; p < g.pipeline; ++p)
    for (int t = 0; t < stride; ++t) {
      const int first = p * g.ranks_per_stage() + t;
      if (shards)
        for (int c = 0; c < copies; ++c) all.push_back(strided(first + c * zero_group * stride, stride, zero_group));
      else
        for (int i = 0; i < zero_group; ++i) all.push_back(strided(first + i * stride, zero_group * stride, copies));
    }
  return all;
}

// `count` ranks `stride` apart, and the next ones, over all ranks.
Groups blocks(const RankGrid& g, int stride, int count) {
  Groups all;
  for (int block = 0; block < g.ranks(); block += stride * count)
    for (int i = 0; i < stride; ++i) all.push_back(strided(block + i, stride, count));
  return all;
}

Groups expert_groups(const RankGrid& g, GroupFamily family) {
  const int stride = g.expert * g.expert_tensor;
  if (!g.has_experts) return {};
  switch (family) {
    case GroupFamily::experts:
      return blocks(g, g.expert_tensor, g.expert);
    case GroupFamily::expert_tensor:
      return blocks(g, 1, g.expert_tensor);
    case GroupFamily::expert_shards:
      return along_parameters(g, stride, g.expert_zero_group, true);
    case GroupFamily::expert_replicas:
      return along_parameters(g, stride, g.expert_zero_group, false);
    default:
      return along_parameters(g, stride, g.ranks_per_stage() / stride, true);
  }
}

Groups next_stage(const RankGrid& g) {
  Groups all;
  if (g.pipeline == 1) return all;
  const int per_stage = g.ranks_per_stage();
  for (int p = 0; p < (g.wraps ? g.pipeline : g.pipeline - 1); ++p)
    for (int i = 0; i < per_stage; ++i) all.push_back({p * per_stage + i, (p + 1) % g.pipeline * per_stage + i});
  return all;
}

Groups model_copies(const RankGrid& g) {
  Groups all;
  for (int replica = 0; replica < g.data * g.context; ++replica) {
    std::vector<int> ranks;
    for (int p = 0; p < g.pipeline; ++p)
      for (int t = 0; t < g.tensor; ++t) ranks.push_back(g.rank(t, 0, 0, p) + replica * g.tensor);
    all.push_back(std::move(ranks));
  }
  return all;
}

}  // namespace

Groups RankGrid::groups(GroupFamily family) const {
  Groups all;
  switch (family) {
    case GroupFamily::tensor:
      all = blocks(*this, 1, tensor);
      break;
    case GroupFamily::context:
      all = blocks(*this, tensor, context);
      break;
    case GroupFamily::shards:
      all = along_parameters(*this, tensor, zero_group, true);
      break;
    case GroupFamily::replicas:
      all = along_parameters(*this, tensor, zero_group, false);
      break;
    case GroupFamily::gradients:
      all = along_parameters(*this, tensor, data * context, true);
      break;
    case GroupFamily::experts:
    case GroupFamily::expert_tensor:
    case GroupFamily::expert_shards:
    case GroupFamily::expert_replicas:
    case GroupFamily::expert_gradients:
      all = expert_groups(*this, family);
      break;
    case GroupFamily::next_stage:
      return next_stage(*this);
    case GroupFamily::embedding:
      if (tied_embedding)
        for (int i = 0; i < ranks_per_stage(); ++i) all.push_back({i, (pipeline - 1) * ranks_per_stage() + i});
      return all;
    case GroupFamily::model:
      all = model_copies(*this);
      break;
    case GroupFamily::world:
      all.push_back(strided(0, 1, ranks()));
      break;
  }
  if (!all.empty() && all.front().size() < 2) all.clear();
  return all;
}

}  // namespace orrery
