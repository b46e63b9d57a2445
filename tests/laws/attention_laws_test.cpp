// Laws of the time that attention takes when its sequence is split over ranks or its keys are cut off by a window.
#include <catch2/catch.hpp>

#include "kernels/cost_models.hpp"
#include "models/layer_steps.hpp"

using namespace orrery;

namespace {

const std::vector<std::string> devices = {"nvidia-a100-sxm4-80gb", "nvidia-h100-sxm5-80gb", "amd-mi300x",
                                          "google-tpu-v5p"};

struct AttentionOf {
  explicit AttentionOf(const std::string& device)
      : type(load_part<DeviceModel>("hardware/accelerators", device, Library::installed())),
        costs(make_cost_model({&type, 1}, Library::installed())) {}

  double seconds(const LayerSteps& steps) const {
    double sum = 0;
    std::vector<KernelCost> of_kernels;
    for (const LayerStep& step : steps) {
      costs->breakdown(DeviceTypeId(0), step.kernels, {}, of_kernels);
      for (std::size_t i = 0; i < step.kernels.size(); ++i)
        if (step.kernels[i].kind == KernelKind::attention || step.kernels[i].kind == KernelKind::attention_backward)
          sum += of_kernels[i].cost.time.value;
    }
    return sum;
  }
  // Of one layer, forward and backward.
  double seconds(const TransformerModel& model, const ResolvedPlan& plan = {}) const {
    SoftwareProfile software;
    software.attention = AttentionImplementation::flash_3;
    const StepContext context{model, plan, software, DataType::bf16};
    return seconds(layer_forward(context, layer_kind(model, 0))) +
           seconds(layer_backward(context, layer_kind(model, 0), Recompute::none));
  }

  DeviceModel type;
  std::unique_ptr<CostModel> costs;
};

TransformerModel long_model() {
  TransformerModel model = load_part<TransformerModel>("networks", "llama3-8b", Library::installed());
  model.sequence = 65536;
  return model;
}

}  // namespace

TEST_CASE("a balanced causal ring takes the attention time of one rank that has as many tokens") {
  // C ranks share a sequence; C sequences later each has had the tokens, and the pairs, of one whole sequence.
  for (const std::string& device : devices) {
    const AttentionOf attention(device);
    const double alone = attention.seconds(long_model());
    for (const int ranks : {2, 4, 8}) {
      CAPTURE(device, ranks);
      ResolvedPlan plan;
      plan.context = ranks;
      CHECK(ranks * attention.seconds(long_model(), plan) == Approx(alone).epsilon(0.1));
    }
  }
}

TEST_CASE("a wider window never makes attention faster, and none is as slow as no window") {
  for (const std::string& device : devices) {
    const AttentionOf attention(device);
    for (const std::int64_t sequence : {1024, 5120, 8192}) {
      TransformerModel model = load_part<TransformerModel>("networks", "llama3-8b", Library::installed());
      model.sequence = static_cast<int>(sequence);
      const double whole = attention.seconds(model);
      double before = 0;
      for (std::int64_t window = 128; window <= sequence; window += window < 1024 ? 64 : 448) {
        CAPTURE(device, sequence, window);
        model.sliding_window = SlidingWindow{static_cast<int>(window), 0};
        const double windowed = attention.seconds(model);
        CHECK(windowed >= before * (1 - 1e-12));
        CHECK(windowed <= whole * (1 + 1e-12));
        before = windowed;
      }
      model.sliding_window = SlidingWindow{static_cast<int>(sequence), 0};
      CHECK(attention.seconds(model) == whole);
    }
  }
}
