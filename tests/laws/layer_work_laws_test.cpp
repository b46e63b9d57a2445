// Laws of what a layer computes and moves, read off its kernels: however attention is split, packed or windowed, whatever flows
// between its parts, and what tables of the vocabulary cost.
#include <catch2/catch.hpp>

#include "models/expert_steps.hpp"
#include "models/layer_steps.hpp"
#include "models/memory.hpp"
#include "tests/support/small_scenario.hpp"

using namespace orrery;

namespace {

struct Work {
  TransformerModel model;
  ResolvedPlan plan;
  SoftwareProfile software;

  explicit Work(const char* network) : model(load_part<TransformerModel>("networks", network, Library::installed())) {}
  StepContext context() const { return {model, plan, software, DataType::bf16}; }
  LayerKind kind() const { return layer_kind(model, model.layers - 1); }
  LayerSteps forward() const { return layer_forward(context(), kind()); }
};

double sum_of(const LayerSteps& steps, KernelKind kind, double Kernel::*what) {
  double sum = 0;
  for (const LayerStep& step : steps)
    for (const Kernel& k : step.kernels)
      if (k.kind == kind) sum += k.*what * k.repeat;
  return sum;
}

double moved(const LayerSteps& steps, CollectiveKind kind, Peers peers) {
  double sum = 0;
  for (const LayerStep& step : steps)
    if (step.kind == LayerStep::Kind::collective && step.collective == kind && step.peers == peers) sum += step.bytes;
  return sum;
}

}  // namespace

TEST_CASE(
    "ranks that share a sequence without fused attention compute their own scores whole and half of the others'") {
  Work w("llama3-8b");
  w.software.attention = AttentionImplementation::unfused;
  const auto scores = [&](int ranks) {
    w.plan.context = ranks;
    return sum_of(w.forward(), KernelKind::softmax, &Kernel::bytes) * ranks;
  };
  const auto saved = [&](int ranks) {
    w.plan.context = ranks;
    const double all = layer_activation_bytes(w.context(), w.kind(), Recompute::none);
    return (all - layer_activation_bytes(w.context(), w.kind(), Recompute::selective)) * ranks;
  };
  const double alone = scores(1), kept = saved(1);
  for (const int ranks : {2, 4, 8}) {
    const double share = (ranks + 1) / (2.0 * ranks);
    CAPTURE(ranks);
    CHECK(scores(ranks) == Approx(alone * share).epsilon(1e-3));
    CHECK(saved(ranks) == Approx(kept * share).epsilon(1e-3));
  }
}

TEST_CASE("pairs of queries and keys follow the length of packed passages, in time, memory and model FLOPs") {
  Work w("llama3-8b");
  w.plan.tensor = 8;  // one key-value head of a rank
  const double whole = sum_of(w.forward(), KernelKind::attention, &Kernel::flops);
  for (const double share : {0.95, 0.7, 0.66, 0.3, 0.1}) {
    w.model.attention_length_share = share;
    CAPTURE(share);
    CHECK(sum_of(w.forward(), KernelKind::attention, &Kernel::flops) == Approx(share * whole).epsilon(0.01));
  }
  Work unfused("gpt3-1.3b");
  unfused.software.attention = AttentionImplementation::unfused;
  const auto scores = [&](double share) {
    unfused.model.attention_length_share = share;
    return layer_activation_bytes(unfused.context(), unfused.kind(), Recompute::none) -
           layer_activation_bytes(unfused.context(), unfused.kind(), Recompute::selective);
  };
  CHECK(scores(0.25) == Approx(0.25 * scores(1)));
  TransformerModel packed = Work("llama3-8b").model;
  packed.attention_length_share = 0.125;
  const double plain = model_flops_per_sequence(packed);
  packed.sliding_window.emplace();
  packed.sliding_window->tokens = packed.sequence / 8;  // as long as a passage
  CHECK(model_flops_per_sequence(packed) == Approx(plain));
}

TEST_CASE("gradients of head and embedding are added up as those of layers are") {
  Work w("llama3-8b");
  w.software.gradient_accumulation_fused = true;
  w.plan.tensor = 2;
  const double table = static_cast<double>(w.context().padded_vocabulary()) / 2 * w.model.hidden;
  CHECK(sum_of(head_backward(w.context()), KernelKind::elementwise, &Kernel::bytes) == Approx(6 * table));
  CHECK(sum_of(embedding_backward(w.context()), KernelKind::elementwise, &Kernel::bytes) == Approx((2 + 10) * table));
  w.plan.zero_stage = 3;  // reduced at once
  CHECK(sum_of(head_backward(w.context()), KernelKind::elementwise, &Kernel::bytes) == 0);
  CHECK(sum_of(embedding_backward(w.context()), KernelKind::elementwise, &Kernel::bytes) == Approx(2 * table));
}

TEST_CASE("what latent attention saves in shards is gathered again for the gradients of its weights") {
  Work w("deepseek-v3");
  w.plan.tensor = 4;
  w.plan.sequence_parallel = true;
  const LayerSteps backward = layer_backward(w.context(), w.kind(), Recompute::none);
  const auto gathered = [](const LayerSteps& steps) { return moved(steps, CollectiveKind::all_gather, Peers::tensor); };
  Work wide = w;
  wide.model.latent_attention->key_value_rank *= 2;
  const LayerSteps wider = layer_backward(wide.context(), wide.kind(), Recompute::none);
  CHECK(gathered(wider) - gathered(backward) == Approx(gathered(wide.forward()) - gathered(w.forward())));
  CHECK(gathered(wider) > gathered(backward));
}

TEST_CASE("a core of attention that is computed again has the keys of all ranks gathered again") {
  Work w("llama3-8b");
  w.software.attention = AttentionImplementation::unfused;
  w.plan.context = 4;
  const auto gathers = [&](Recompute recompute) {
    return moved(layer_backward(w.context(), w.kind(), recompute), CollectiveKind::all_gather, Peers::context);
  };
  CHECK(gathers(Recompute::selective) == 2 * gathers(Recompute::none));
  CHECK(gathers(Recompute::full) == gathers(Recompute::selective));
}

TEST_CASE("queries of latent attention that are not compressed are made from rows that tensor ranks gather") {
  Work w("deepseek-v2-lite");
  REQUIRE(w.model.latent_attention);
  REQUIRE_FALSE(w.model.latent_attention->query_rank);
  w.plan.tensor = 8;
  w.plan.sequence_parallel = true;
  const LatentAttention& a = *w.model.latent_attention;
  const double tokens = w.context().tokens(),
               narrow = tokens * (w.model.hidden + a.key_value_rank + a.rotary_width) * 2;
  const double before = moved(w.forward(), CollectiveKind::all_gather, Peers::tensor);
  w.model.latent_attention->query_rank = w.model.hidden;  // a rank as wide
  CHECK(moved(w.forward(), CollectiveKind::all_gather, Peers::tensor) == Approx(before));
  CHECK(before >= narrow);
}

TEST_CASE("experts without a row compute nothing, and odd rows are not lost") {
  Work w("deepseek-v2-lite");
  w.model.sequence = 1;
  const ExpertSizes few = expert_sizes(w.context());
  CHECK(few.busy == few.received);
  CHECK(few.per_expert == 1);
  w.model.sequence = 1000;
  const ExpertSizes odd = expert_sizes(w.context());
  CHECK(odd.busy == odd.local);
  CHECK(std::abs(static_cast<double>(odd.per_expert * odd.busy - odd.received)) <= 0.5 * static_cast<double>(odd.busy));
}

TEST_CASE("an optimizer steps through states as wide as the parameters") {
  const auto step_s = [](DataType type) {
    Scenario s = orrery::testing::make({});
    s.jobs[0].precision = type;
    return run_scenario(s, "test", Library::installed()).metrics.jobs[0].mean.compute_by_kernel_s.at("optimizer");
  };
  CHECK(step_s(DataType::fp64) == Approx(2 * step_s(DataType::fp32)).epsilon(0.05));
}
