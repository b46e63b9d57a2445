#include "models/transformer.hpp"

#include <numeric>

#include <catch2/catch.hpp>

#include "models/layer_steps.hpp"
#include "models/memory.hpp"

using namespace orrery;

namespace {

TransformerModel gpt3() {
  TransformerModel m;
  m.layers = 96;
  m.hidden = 12288;
  m.heads = 96;
  m.vocabulary = 51200;
  m.sequence = 2048;
  m.learned_positions = 2048;
  return m;
}

double flops(const LayerSteps& steps, bool only_gemm = true) {
  double sum = 0;
  for (const LayerStep& step : steps)
    for (const Kernel& k : step.kernels)
      if (!only_gemm || k.kind == KernelKind::gemm) sum += k.flops * k.repeat;
  return sum;
}

struct Setup {
  TransformerModel model = gpt3();
  ResolvedPlan plan;
  SoftwareProfile software;
  StepContext context{model, plan, software, DataType::fp16};
  Setup() { software.attention = AttentionImplementation::unfused; }
};

}  // namespace

TEST_CASE("model FLOPs equal the formula published with Megatron-LM") {
  const TransformerModel m = gpt3();
  const double s = m.sequence, l = m.layers, h = m.hidden, v = m.vocabulary;
  REQUIRE(model_flops_per_sequence(m) == Approx(72 * s * l * h * h * (1 + s / (6 * h) + v / (12 * l * h))));
}

TEST_CASE("GPT-3 has 175 billion parameters, Llama-2 7B has 6.74 billion") {
  REQUIRE(parameters(gpt3()) == Approx(174.6e9).epsilon(0.002));
  TransformerModel llama;
  llama.layers = 32;
  llama.hidden = 4096;
  llama.heads = 32;
  llama.ffn_hidden = 11008;
  llama.gated_ffn = true;
  llama.vocabulary = 32000;
  llama.sequence = 4096;
  llama.tied_embeddings = false;
  llama.normalization = Normalization::rmsnorm;
  REQUIRE(parameters(llama) == Approx(6.738e9).epsilon(0.001));
}

TEST_CASE("the GEMMs of a step do the model FLOPs, and full recomputation adds one forward") {
  Setup s;
  const double forward = s.model.layers * flops(layer_forward(s.context, LayerKind{})) + flops(head_forward(s.context));
  const double backward = s.model.layers * flops(layer_backward(s.context, LayerKind{}, Recompute::none)) +
                          flops(head_backward(s.context));
  REQUIRE(forward + backward == Approx(model_flops_per_sequence(s.model)));
  REQUIRE(backward == Approx(2 * forward));
  REQUIRE(flops(layer_backward(s.context, LayerKind{}, Recompute::full)) ==
          Approx(flops(layer_backward(s.context, LayerKind{}, Recompute::none)) +
                 flops(layer_forward(s.context, LayerKind{}))));
}

TEST_CASE("selective recomputation repeats only the attention core") {
  Setup s;
  const double core = 4.0 * s.model.sequence * s.model.sequence * s.model.hidden;
  REQUIRE(flops(layer_backward(s.context, LayerKind{}, Recompute::selective)) -
              flops(layer_backward(s.context, LayerKind{}, Recompute::none)) ==
          Approx(core));
}

TEST_CASE("tensor parallelism divides the FLOPs of a layer and adds the published collectives") {
  Setup one, eight;
  eight.plan.tensor = 8;
  REQUIRE(flops(layer_forward(eight.context, LayerKind{})) ==
          Approx(flops(layer_forward(one.context, LayerKind{})) / 8));
  const auto bytes = [](const LayerSteps& steps, CollectiveKind kind) {
    double sum = 0;
    for (const LayerStep& step : steps)
      if (step.kind == LayerStep::Kind::collective && step.collective == kind) sum += step.bytes;
    return sum;
  };
  const double activation = 2.0 * eight.model.sequence * eight.model.hidden;
  REQUIRE(bytes(layer_forward(one.context, LayerKind{}), CollectiveKind::all_reduce) == 0);
  REQUIRE(bytes(layer_forward(eight.context, LayerKind{}), CollectiveKind::all_reduce) == Approx(2 * activation));
  REQUIRE(bytes(layer_backward(eight.context, LayerKind{}, Recompute::none), CollectiveKind::all_reduce) ==
          Approx(2 * activation));
  eight.plan.sequence_parallel = true;
  REQUIRE(bytes(layer_forward(eight.context, LayerKind{}), CollectiveKind::all_reduce) == 0);
  REQUIRE(bytes(layer_forward(eight.context, LayerKind{}), CollectiveKind::all_gather) == Approx(2 * activation));
  REQUIRE(bytes(layer_forward(eight.context, LayerKind{}), CollectiveKind::reduce_scatter) == Approx(2 * activation));
}

TEST_CASE("saved activations equal the formulas of Korthikanti et al.") {
  Setup s;
  s.software.dropout = true;
  s.plan.tensor = 8;
  const double sbh = 2048.0 * 12288, scores = 5.0 * 96 * 2048 / (12288 * 8.0);
  REQUIRE(layer_activation_bytes(s.context, LayerKind{}, Recompute::none) == Approx(sbh * (10 + 24 / 8.0 + scores)));
  REQUIRE(layer_activation_bytes(s.context, LayerKind{}, Recompute::selective) == Approx(sbh * (10 + 24 / 8.0)));
  s.plan.sequence_parallel = true;
  REQUIRE(layer_activation_bytes(s.context, LayerKind{}, Recompute::selective) == Approx(sbh * 34 / 8));
  REQUIRE(layer_activation_bytes(s.context, LayerKind{}, Recompute::full) == Approx(2 * sbh / 8));
}

TEST_CASE("ranks that share a key-value head each keep its projections and compute it") {
  TransformerModel m = gpt3();
  const LayerKind kind;
  const double h = m.hidden, head = 128;
  m.kv_heads = 2;
  const double at_two = shared_layer_parameters(m, kind, 2), at_eight = shared_layer_parameters(m, kind, 8);
  const double keys_and_values = 2 * (h + 1) * head;  // of one head, biases included
  REQUIRE(at_eight - keys_and_values == Approx((at_two - keys_and_values) / 4));
}

TEST_CASE("under sequence parallelism the head gathers its saved input again for its weight gradient") {
  Setup s;
  s.plan.tensor = 8;
  const auto gathered = [&] {
    double sum = 0;
    for (const LayerStep& step : head_backward(s.context))
      if (step.kind == LayerStep::Kind::collective && step.collective == CollectiveKind::all_gather) sum += step.bytes;
    return sum;
  };
  REQUIRE(gathered() == 0);
  s.plan.sequence_parallel = true;
  REQUIRE(gathered() == 2048.0 * 12288 * 2);
}

TEST_CASE("layers split equally when they divide, else as evenly as embedding and head allow") {
  TransformerModel m = gpt3();
  ResolvedPlan plan;
  plan.pipeline = 12;
  REQUIRE(split_layers(m, plan) == std::vector<int>(12, 8));
  for (int layers : {70, 94, 61, 13})
    for (int pipeline : {3, 4, 8, 12}) {
      m.layers = layers;
      plan.pipeline = pipeline;
      const auto split = split_layers(m, plan);
      REQUIRE(std::accumulate(split.begin(), split.end(), 0) == layers);
      REQUIRE(*std::max_element(split.begin(), split.end()) - *std::min_element(split.begin(), split.end()) <= 2);
      REQUIRE(*std::min_element(split.begin(), split.end()) >= 1);
    }
}

TEST_CASE("recomputation that stops early repeats all of a layer but its last product") {
  Setup s;
  const double last = 2.0 * s.context.tokens() * s.model.hidden * 4 * s.model.hidden;
  const double whole = flops(layer_backward(s.context, LayerKind{}, Recompute::full));
  s.software.recompute_stops_early = true;
  REQUIRE(flops(layer_backward(s.context, LayerKind{}, Recompute::full)) == Approx(whole - last));
  REQUIRE(flops(layer_backward(s.context, LayerKind{}, Recompute::none)) ==
          Approx(whole - flops(layer_forward(s.context, LayerKind{}))));
  SECTION("a dropout mask of the layer's output has to be drawn again, so nothing is left out") {
    s.software.dropout = true;
    REQUIRE(flops(layer_backward(s.context, LayerKind{}, Recompute::full)) == Approx(whole));
  }
}

TEST_CASE("recomputation between matrix products repeats no product and keeps less than all and more than the inputs") {
  Setup s;
  s.software.attention = AttentionImplementation::flash_2;
  REQUIRE(flops(layer_backward(s.context, LayerKind{}, Recompute::minimal)) ==
          Approx(flops(layer_backward(s.context, LayerKind{}, Recompute::none))));
  REQUIRE(flops(layer_backward(s.context, LayerKind{}, Recompute::minimal), false) >
          flops(layer_backward(s.context, LayerKind{}, Recompute::none), false));
  const double minimal = layer_activation_bytes(s.context, LayerKind{}, Recompute::minimal);
  REQUIRE(minimal < layer_activation_bytes(s.context, LayerKind{}, Recompute::none));
  REQUIRE(minimal > layer_activation_bytes(s.context, LayerKind{}, Recompute::full));
}

TEST_CASE("weights, gradients and two moments of double precision take eight bytes each") {
  Setup s;
  const StepContext context{s.model, s.plan, s.software, DataType::fp64};
  const ParameterBytes bytes = parameter_bytes(context, 1e9, 0);
  REQUIRE(bytes.weights == 8e9);
  REQUIRE(bytes.gradients == 8e9);
  REQUIRE(bytes.optimizer == 16e9);
}

TEST_CASE(
    "the loss holds 14 bytes per logit in eager PyTorch, 6 with an fp32 copy that becomes the gradient, 2 when fused") {
  Setup s;
  const double inputs = 2 * s.context.tokens() * 12288 * 2;  // of the last norm and of the head
  const double copied = head_activation_bytes(s.context) - inputs;
  s.software.eager_cross_entropy = true;
  REQUIRE(head_activation_bytes(s.context) - inputs == Approx(copied * 14 / 6));
  s.software.compiled = true;
  REQUIRE(head_activation_bytes(s.context) - inputs == Approx(copied * 2 / 6));
}

TEST_CASE("a fused loss keeps the logits in 16 bits only, and fp32 shards are the weights themselves") {
  Setup s;
  const double both = head_activation_bytes(s.context);
  s.software.fused_cross_entropy = true;
  const double inputs = 2 * s.context.tokens() * 12288 * 2;
  REQUIRE(head_activation_bytes(s.context) - inputs == Approx((both - inputs) / 3));
  s.plan.zero_stage = 3;
  s.plan.zero_group = 4;
  REQUIRE(parameter_bytes(s.context, 1e9, 0).weights == Approx(2e9 / 4));
  s.software.fp32_parameters = true;
  REQUIRE(parameter_bytes(s.context, 1e9, 0).weights == 0);
  REQUIRE(parameter_bytes(s.context, 1e9, 0).optimizer == Approx(12e9 / 4));
}

TEST_CASE("the head's work that ranks do not share evenly is what the fullest has, in time and in memory") {
  Setup s;
  s.model.vocabulary = 1001;
  s.software.pad_vocabulary = false;
  s.plan.tensor = 8;
  CHECK(s.context.padded_vocabulary() == 8 * 126);
  s.model.vocabulary = 4;
  CHECK(flops(head_forward(s.context)) > 0);
  s.model.predicted_positions = 20;
  s.plan.context = 8;
  CHECK(s.context.head_tokens() == 3);
  s.model.predicted_positions = 24;
  CHECK(s.context.head_tokens() == 3);
  const double bytes = head_activation_bytes(s.context);
  s.model.predicted_positions = 20;
  CHECK(head_activation_bytes(s.context) == bytes);
}

TEST_CASE(
    "a sequence is no longer than its positions, predicts no more than it has, and parts fit into what they are parts "
    "of") {
  const auto fault = [](const std::string& more) {
    const std::string text = R"({"layers": 2, "hidden": 64, "heads": 4, "vocabulary": 100, "sequence": 128)" + more +
                             "}";
    try {
      read_spec<TransformerModel>(parse_json(text, "doc.json"), "doc.json", {});
    } catch (const SpecError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(fault(R"(, "learned_positions": 128, "predicted_positions": 128)").empty());
  CHECK(fault(R"(, "learned_positions": 127)") ==
        "doc.json: at /sequence: expected at most learned_positions (127), found 128");
  CHECK(fault(R"(, "predicted_positions": 129)") ==
        "doc.json: at /predicted_positions: expected at most sequence (128), found 129");
  CHECK(fault(R"(, "experts": {"count": 8, "active": 2, "ffn_hidden": 8, "dense_layers": 1})").empty());
  CHECK(fault(R"(, "experts": {"count": 8, "active": 2, "ffn_hidden": 8, "dense_layers": 2})") ==
        "doc.json: at /experts: expected dense_layers below layers (2): none would have experts, found 2");
  CHECK(fault(R"(, "latent_attention": {"key_value_rank": 8, "rotary_width": 17, "value_width": 16})") ==
        "doc.json: at /latent_attention: expected a rotary_width within the head's 16, found 17");
  CHECK_THAT(fault(R"(, "experts": {"count": "eight", "active": 2, "ffn_hidden": 8})"),
             !Catch::Contains("\n") && Catch::Contains("/experts/count"));
}
