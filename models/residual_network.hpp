// ResNet-50 (He et al., Deep residual learning, CVPR 2016, table 1; stride in the 3 x 3 convolution of a block, as PyTorch and
// MLPerf train it) on 224 x 224 images, as the kernels of one training step on one device. Convolutions are products
// (kernels/shapes.hpp); the backward pass of each is two more of the same FLOPs and traffic, which leaves out that their
// shapes differ (the first convolution needs one: nobody asks for the gradient of an image). Batch normalization reads its
// input twice and writes it forward, and reads two tensors twice and writes one backward; `fused` joins it with the
// activation. SGD with momentum. Not modelled: reading and decoding of images, the reduction of gradients.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/kernel.hpp"

namespace orrery {

struct Convolution {
  std::int64_t positions = 1;        // of the output of one image
  std::int64_t input_positions = 1;  // of its input
  std::int64_t taps = 1;             // kernel positions: 9 of 3 x 3
  std::int64_t in = 1, out = 1;      // channels
  bool activated = true;             // a ReLU follows
  bool adds = false;                 // the last of a block: the shortcut is added
};

// In order, the classifier as the last one (one position, no activation).
std::vector<Convolution> resnet50_layers();
double parameters(const std::vector<Convolution>&);               // weights of convolutions and classifier
double forward_flops_per_image(const std::vector<Convolution>&);  // 2 per multiply-add

std::vector<Kernel> training_step(const std::vector<Convolution>&, std::int64_t images, DataType, bool fused);

}  // namespace orrery
