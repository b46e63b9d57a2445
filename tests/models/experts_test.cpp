#include <set>

#include <catch2/catch.hpp>

#include "models/expert_steps.hpp"
#include "models/memory.hpp"
#include "models/parallelism/rank_grid.hpp"

using namespace orrery;

namespace {

TransformerModel network(const std::string& name) {
  return load_part<TransformerModel>("networks", name, Library::installed());
}

double gemm_flops(const LayerSteps& steps) {
  double sum = 0;
  for (const LayerStep& step : steps)
    for (const Kernel& k : step.kernels)
      if (k.kind == KernelKind::gemm) sum += k.flops * k.repeat;
  return sum;
}

}  // namespace

TEST_CASE("mixtures of experts have the parameters that were published") {
  const auto check = [](const char* name, double total, double active, double margin) {
    INFO(name);
    CHECK(parameters(network(name)) == Approx(total).epsilon(margin));
    CHECK(active_parameters(network(name)) == Approx(active).epsilon(margin));
  };
  check("mixtral-8x7b", 46.7e9, 12.9e9, 0.01);
  check("mixtral-8x22b", 141e9, 39e9, 0.01);
  check("deepseek-moe-16b", 16.4e9, 2.83e9, 0.01);
  check("deepseek-v2-lite", 15.7e9, 2.66e9, 0.01);
  check("deepseek-v2", 236e9, 21e9, 0.02);
  check("deepseek-v3", 671e9, 37.5e9, 0.01);
  check("kimi-k2", 1.026e12, 32.9e9, 0.01);
  check("qwen1.5-moe-2.7b", 14.3e9, 2.69e9, 0.01);
  check("qwen2-57b-a14b", 57.4e9, 14.2e9, 0.01);
  check("qwen3-30b-a3b", 30.5e9, 3.35e9, 0.01);
  check("qwen3-235b-a22b", 235e9, 22.2e9, 0.01);
  check("dbrx", 132e9, 36e9, 0.02);
  check("gpt-oss-120b", 116.8e9, 5.7e9, 0.01);
  check("gpt-oss-20b", 20.9e9, 4.19e9, 0.01);
  check("olmoe-1b-7b", 6.92e9, 1.28e9, 0.01);
}

TEST_CASE("the matrix products of a latent-attention mixture add up to its model FLOPs") {
  TransformerModel model = network("deepseek-v3");
  ResolvedPlan plan;
  SoftwareProfile software;
  software.attention = AttentionImplementation::unfused;
  software.pad_vocabulary = false;
  const StepContext context{model, plan, software, DataType::bf16};
  double sum = gemm_flops(head_forward(context)) + gemm_flops(head_backward(context));
  for (const LayerGroup& g : layer_groups(model))
    sum += g.count *
           (gemm_flops(layer_forward(context, g.kind)) + gemm_flops(layer_backward(context, g.kind, Recompute::none)));
  REQUIRE(sum == Approx(model_flops_per_sequence(model)));
}

TEST_CASE("layers are dense first, and every second one attends to everything") {
  TransformerModel m = network("gpt-oss-20b");
  m.experts->dense_layers = 3;
  REQUIRE(layer_kind(m, 0) == LayerKind{false, true});
  REQUIRE(layer_kind(m, 1) == LayerKind{false, false});
  REQUIRE(layer_kind(m, 4) == LayerKind{true, true});
  int layers = 0;
  for (const LayerGroup& g : layer_groups(m)) layers += g.count;
  REQUIRE(layers == m.layers);
}

TEST_CASE("rows of the experts are the tokens of their group times the experts that serve one") {
  TransformerModel m = network("qwen3-30b-a3b");
  ResolvedPlan plan;
  plan.data = 8;
  plan.tensor = 2;
  plan.expert = 8;
  plan.expert_tensor = 2;
  plan.sequence_parallel = true;
  SoftwareProfile software;
  const ExpertSizes s = expert_sizes({m, plan, software, DataType::bf16});
  REQUIRE(s.rows == 2048);
  REQUIRE(s.sent == 2048 * 8);
  REQUIRE(s.local == 16);
  REQUIRE(s.per_expert == 2048 * 8 * 2 / 16);
  REQUIRE(s.width == 384);
  m.experts->capacity_factor = 1.25;
  REQUIRE(expert_sizes({m, plan, software, DataType::bf16}).sent == 2048 * 10);
}

TEST_CASE("the groups of experts partition the ranks of every stage") {
  ResolvedPlan p;
  p.tensor = 2;
  p.context = 2;
  p.data = 6;
  p.pipeline = 2;
  p.zero_group = 12;
  p.expert = 4;
  p.expert_tensor = 2;
  const RankGrid grid(p, false, true);
  for (GroupFamily family :
       {GroupFamily::experts, GroupFamily::expert_tensor, GroupFamily::expert_shards, GroupFamily::expert_gradients}) {
    std::set<int> seen;
    for (const auto& group : grid.groups(family))
      for (int rank : group) {
        REQUIRE(grid.stage_of(rank) == grid.stage_of(group.front()));
        REQUIRE(seen.insert(rank).second);
      }
    REQUIRE(seen.size() == static_cast<std::size_t>(grid.ranks()));
  }
  REQUIRE(grid.groups(GroupFamily::experts).front() == std::vector<int>{0, 2, 4, 6});
  REQUIRE(grid.groups(GroupFamily::expert_tensor).front() == std::vector<int>{0, 1});
  REQUIRE(grid.groups(GroupFamily::expert_gradients).front() == std::vector<int>{0, 8, 16});
  REQUIRE(RankGrid(p, false, false).groups(GroupFamily::experts).empty());
}
