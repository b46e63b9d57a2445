#include "models/parallelism/rank_grid.hpp"

namespace orrery {

RankGrid::RankGrid(const ResolvedPlan& plan, bool tied)
    : tensor(plan.tensor),
      context(plan.context),
      data(plan.data),
      pipeline(plan.pipeline),
      zero_group(plan.zero_group),
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

// Along data x context of every (tensor, stage), cut into `count` ranks `step` apart.
Groups along_parameters(const RankGrid& g, bool shards) {
  Groups all;
  const int copies = g.data * g.context / g.zero_group;
  for (int p = 0; p < g.pipeline; ++p)
    for (int t = 0; t < g.tensor; ++t) {
      const int first = g.rank(t, 0, 0, p);
      if (shards)
        for (int c = 0; c < copies; ++c)
          all.push_back(strided(first + c * g.zero_group * g.tensor, g.tensor, g.zero_group));
      else
        for (int i = 0; i < g.zero_group; ++i)
          all.push_back(strided(first + i * g.tensor, g.zero_group * g.tensor, copies));
    }
  return all;
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
      for (int first = 0; first < ranks(); first += tensor) all.push_back(strided(first, 1, tensor));
      break;
    case GroupFamily::context:
      for (int block = 0; block < ranks(); block += tensor * context)
        for (int t = 0; t < tensor; ++t) all.push_back(strided(block + t, tensor, context));
      break;
    case GroupFamily::shards:
      all = along_parameters(*this, true);
      break;
    case GroupFamily::replicas:
      all = along_parameters(*this, false);
      break;
    case GroupFamily::gradients:
      for (int p = 0; p < pipeline; ++p)
        for (int t = 0; t < tensor; ++t) all.push_back(strided(rank(t, 0, 0, p), tensor, data * context));
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
