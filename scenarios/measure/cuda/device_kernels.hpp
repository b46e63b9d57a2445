// The kernels of our own that run on the GPU (device_kernels.cu): plain loops that any compiler makes as fast as memory
// allows, an empty kernel for the time of a launch, and operands of high entropy, because a product of constants draws
// less power and runs faster than one of data. Every function launches on `stream` and returns.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "sim/data_type.hpp"

namespace orrery::cuda {

void launch_nothing(cudaStream_t);
// Values uniform in -0.5 .. 0.5 (int8: -127 .. 127), by a hash of the position. Types of which operands are made.
void fill(void* values, std::int64_t count, DataType, std::uint32_t seed, cudaStream_t);
// a = b + 3 c in single precision.
void triad(float* a, const float* b, const float* c, std::int64_t count, cudaStream_t);
// Rows of 16-bit floats; arithmetic in single precision, a block a row, kept in registers: columns up to 16,384.
void softmax_rows(void* to, const void* from, std::int64_t rows, std::int64_t columns, cudaStream_t);
void layernorm_rows(void* to, const void* from, std::int64_t rows, std::int64_t columns, cudaStream_t);

}  // namespace orrery::cuda
