#include "models/residual_network.hpp"

#include <catch2/catch.hpp>

using namespace orrery;

TEST_CASE("ResNet-50 has the published size: 25.5 million weights and 4.1 billion multiply-adds per image") {
  const auto layers = resnet50_layers();
  CHECK(layers.size() == 54);  // 49 convolutions, 4 shortcuts that change shape, the classifier
  CHECK(parameters(layers) == Approx(25.5e6).epsilon(0.01));
  CHECK(forward_flops_per_image(layers) == Approx(2 * 4.09e9).epsilon(0.01));
}

TEST_CASE("a training step computes every convolution three times, the first one twice") {
  const auto layers = resnet50_layers();
  double flops = 0;
  for (const Kernel& k : training_step(layers, 32, DataType::fp32, false))
    if (k.kind == KernelKind::convolution) flops += k.flops * k.repeat;
  const double first = 2.0 * 112 * 112 * 49 * 3 * 64;
  CHECK(flops == Approx(32 * (3 * forward_flops_per_image(layers) - first)));
}

TEST_CASE("fused activations move fewer bytes") {
  const auto bytes = [](bool fused) {
    double sum = 0;
    for (const Kernel& k : training_step(resnet50_layers(), 8, DataType::fp16, fused)) sum += k.bytes * k.repeat;
    return sum;
  };
  CHECK(bytes(true) < bytes(false));
}
