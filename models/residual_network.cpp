#include "models/residual_network.hpp"

#include "kernels/shapes.hpp"

namespace orrery {

namespace {

struct Stage {
  std::int64_t blocks = 0, width = 0, side = 0;  // side of the output; the first block of a later stage halves it
};
constexpr Stage stages[] = {{3, 64, 56}, {4, 128, 28}, {6, 256, 14}, {3, 512, 7}};
constexpr std::int64_t expansion = 4, classes = 1000;

void add_block(std::vector<Convolution>& layers, const Stage& stage, std::int64_t in, std::int64_t side_in) {
  const std::int64_t before = side_in * side_in, after = stage.side * stage.side;
  if (in != expansion * stage.width)  // the shortcut changes its shape
    layers.push_back({after, before, 1, in, expansion * stage.width, false, false});
  layers.push_back({before, before, 1, in, stage.width, true, false});
  layers.push_back({after, before, 9, stage.width, stage.width, true, false});
  layers.push_back({after, after, 1, stage.width, expansion * stage.width, true, true});
}

Kernel product(const Convolution& c, std::int64_t images, DataType type) {
  return convolution(images * c.positions, c.out, c.taps, c.in, images * c.input_positions, type);
}

// Normalization, activation and shortcut behind a convolution; tensors moved forward and backward.
void add_pointwise(std::vector<Kernel>& kernels, const Convolution& c, std::int64_t images, DataType type, bool fused) {
  const std::int64_t positions = images * c.positions;
  const double element = bytes_per_element(type);
  const double moved = static_cast<double>(positions) * static_cast<double>(c.out) * element;
  kernels.push_back(normalization(positions, c.out, (3 + 5) * element, type));
  if (c.activated && !fused) kernels.push_back(elementwise(positions * c.out, (2 + 3) * moved, 0, type, 2));
  if (c.adds) kernels.push_back(elementwise(positions * c.out, (fused ? 1 : 3) * moved, 0, type));
}

}  // namespace

std::vector<Convolution> resnet50_layers() {
  std::vector<Convolution> layers = {{112 * 112, 224 * 224, 49, 3, 64, true, false}};
  std::int64_t in = 64, side = 56;  // behind the pooling
  for (const Stage& stage : stages)
    for (std::int64_t block = 0; block < stage.blocks; ++block) {
      add_block(layers, stage, in, side);
      in = expansion * stage.width;
      side = stage.side;
    }
  layers.push_back({1, 1, 1, in, classes, false, false});
  return layers;
}

double parameters(const std::vector<Convolution>& layers) {
  double sum = 0;
  for (const Convolution& c : layers) sum += static_cast<double>(c.taps * c.in * c.out);
  return sum;
}

double forward_flops_per_image(const std::vector<Convolution>& layers) {
  double sum = 0;
  for (const Convolution& c : layers) sum += 2.0 * static_cast<double>(c.positions * c.taps * c.in * c.out);
  return sum;
}

std::vector<Kernel> training_step(const std::vector<Convolution>& layers, std::int64_t images, DataType type,
                                  bool fused) {
  std::vector<Kernel> kernels;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    Kernel kernel = product(layers[i], images, type);
    kernel.repeat = i == 0 ? 2 : 3;  // forward, gradient of the weights, gradient of the input
    kernels.push_back(kernel);
    if (i + 1 < layers.size()) add_pointwise(kernels, layers[i], images, type, fused);
  }
  const double pooled = static_cast<double>(images) * (112 * 112 + 56 * 56) * 64 * bytes_per_element(type);
  kernels.push_back(elementwise(images * 112 * 112 * 64, 2 * pooled, 0, type, 2));
  kernels.push_back(optimizer_step(parameters(layers), 5 * bytes_per_element(DataType::fp32), 1));
  return kernels;
}

}  // namespace orrery
