// What a switch of a software profile changes in the steps of a layer, and what it must leave alone.
#include <catch2/catch.hpp>

#include "models/layer_steps.hpp"

using namespace orrery;

namespace {

struct Setting {
  TransformerModel model = load_part<TransformerModel>("networks", "llama3-8b", Library::installed());
  ResolvedPlan plan;
  SoftwareProfile software;
  DataType precision = DataType::bf16;

  StepContext context() const { return {model, plan, software, precision}; }
  LayerSteps forward() const { return layer_forward(context(), layer_kind(model, 0)); }
  LayerSteps backward() const { return layer_backward(context(), layer_kind(model, 0), Recompute::none); }
};

template <class Value> double sum_over_kernels(const LayerSteps& steps, Value value) {
  double sum = 0;
  for (const LayerStep& step : steps)
    for (const Kernel& k : step.kernels) sum += value(k) * k.repeat;
  return sum;
}
double flops_of(const LayerSteps& steps, KernelKind kind) {
  return sum_over_kernels(steps, [&](const Kernel& k) { return k.kind == kind ? k.flops : 0; });
}
double bytes_of(const LayerSteps& steps) {
  return sum_over_kernels(steps, [](const Kernel& k) { return k.kind == KernelKind::elementwise ? k.bytes : 0; });
}
double host_of(const LayerSteps& steps) {
  return sum_over_kernels(steps, [](const Kernel& k) { return k.host_s; });
}
double gathered(const LayerSteps& steps, Peers peers) {
  double bytes = 0;
  for (const LayerStep& step : steps)
    if (step.kind == LayerStep::Kind::collective && step.peers == peers) bytes += step.bytes;
  return bytes;
}

}  // namespace

TEST_CASE("ring attention computes on every rank its share of what one device would compute") {
  Setting one, ring;
  for (const int ranks : {2, 4, 8}) {
    INFO(ranks);
    ring.plan.context = ranks;
    CHECK(ranks * flops_of(ring.forward(), KernelKind::attention) ==
          Approx(flops_of(one.forward(), KernelKind::attention)).epsilon(0.01));
    CHECK(ranks * flops_of(ring.backward(), KernelKind::attention_backward) ==
          Approx(flops_of(one.backward(), KernelKind::attention_backward)).epsilon(0.01));
  }
}

TEST_CASE("a ring of PyTorch sends the keys of all query heads and merges with more traffic") {
  Setting fused;
  fused.plan.context = 4;
  Setting eager = fused;
  eager.software.eager_ring = true;
  const double heads_per_pair = static_cast<double>(fused.model.heads) / *fused.model.kv_heads;
  CHECK(gathered(eager.forward(), Peers::context) ==
        Approx(heads_per_pair * gathered(fused.forward(), Peers::context)));
  CHECK(bytes_of(eager.forward()) > 1.5 * bytes_of(fused.forward()));
  CHECK(flops_of(eager.forward(), KernelKind::attention) == flops_of(fused.forward(), KernelKind::attention));
}

TEST_CASE("blocking launches keep the host's time and put it between the kernels") {
  Setting ahead;
  ahead.software.host_forward_per_layer = Seconds(1e-3);
  ahead.software.host_backward_per_layer = Seconds(2e-3);
  Setting blocking = ahead;
  blocking.software.blocking_launches = true;
  CHECK(host_of(blocking.forward()) == Approx(1e-3));
  CHECK(host_of(ahead.forward()) == Approx(1e-3));
  CHECK(host_of(blocking.backward()) == Approx(2e-3));
  const LayerStep last = blocking.forward().back();
  REQUIRE(last.kernels.size() == 1);  // a step of its own, so that no kernel hides it
  CHECK(last.kernels[0].host_s == Approx(1e-3));
  CHECK(last.kernels[0].bytes == 0);
}

TEST_CASE("biases and limits of experts cost traffic until they are fused") {
  Setting plain;
  plain.model = load_part<TransformerModel>("networks", "gpt-oss-20b", Library::installed());
  Setting biased = plain, fused = plain;
  REQUIRE(biased.model.experts->biases);
  plain.model.experts->biases = plain.model.experts->clamped = false;
  fused.software.fused_experts = true;
  Setting fused_plain = fused;
  fused_plain.model.experts = plain.model.experts;
  const double rows = static_cast<double>(plain.model.sequence) * plain.model.experts->active;
  const double wide = rows * plain.model.hidden, branches = rows * 2 * plain.model.experts->ffn_hidden;
  CHECK(bytes_of(biased.forward()) - bytes_of(plain.forward()) == Approx(wide * 28 + branches * 8));
  CHECK(bytes_of(biased.backward()) - bytes_of(plain.backward()) == Approx(wide * 36 + branches * 10));
  CHECK(bytes_of(fused.forward()) == bytes_of(fused_plain.forward()));
}
