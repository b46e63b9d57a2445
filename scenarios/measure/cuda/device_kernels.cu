#include "scenarios/measure/cuda/device_kernels.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

namespace orrery::cuda {

namespace {

constexpr int threads = 256;
constexpr int most_per_thread = 64;  // of a row, in registers

__global__ void nothing() {}

__device__ float hashed(std::uint32_t x) {  // of PCG's output permutation (O'Neill 2014); -0.5 .. 0.5
  x = x * 747796405u + 2891336453u;
  x = ((x >> ((x >> 28) + 4)) ^ x) * 277803737u;
  x = (x >> 22) ^ x;
  return static_cast<float>(x) * 2.3283064e-10f - 0.5f;
}

__device__ void put(double& to, float value) { to = value; }
__device__ void put(float& to, float value) { to = value; }
__device__ void put(__half& to, float value) { to = __float2half(value); }
__device__ void put(__nv_bfloat16& to, float value) { to = __float2bfloat16(value); }
__device__ void put(__nv_fp8_e4m3& to, float value) { to = __nv_fp8_e4m3(value); }
__device__ void put(std::int8_t& to, float value) { to = static_cast<std::int8_t>(value * 254); }

template <class T> __global__ void filling(T* values, std::int64_t count, std::uint32_t seed) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step)
    put(values[i], hashed(static_cast<std::uint32_t>(i) ^ seed));
}

template <class T> void fill_with(void* values, std::int64_t count, std::uint32_t seed, cudaStream_t stream) {
  filling<<<1024, threads, 0, stream>>>(static_cast<T*>(values), count, seed);
}

__global__ void triads(float4* a, const float4* b, const float4* c, std::int64_t count) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const float4 x = b[i], y = c[i];
  a[i] = make_float4(x.x + 3 * y.x, x.y + 3 * y.y, x.z + 3 * y.z, x.w + 3 * y.w);
}

struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Largest {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

// Of one value of each thread of the block; every thread gets the result.
template <class Join> __device__ float over_block(float value, Join join) {
  __shared__ float of_warp[threads / 32];
  for (int distance = 16; distance > 0; distance /= 2)
    value = join(value, __shfl_xor_sync(0xffffffffu, value, distance));
  __syncthreads();  // the last use of `of_warp` is over
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  value = of_warp[0];
  for (int warp = 1; warp < threads / 32; ++warp) value = join(value, of_warp[warp]);
  return value;
}

template <bool normalize> __global__ void rows_of(__half2* to, const __half2* from, int pairs) {
  float2 row[most_per_thread / 2];
  const __half2* in = from + static_cast<std::int64_t>(blockIdx.x) * pairs;
  __half2* out = to + static_cast<std::int64_t>(blockIdx.x) * pairs;
  float sum = 0, squares = 0, largest = -3e38f;
#pragma unroll
  for (int j = 0; j < most_per_thread / 2; ++j) {
    const int i = j * threads + static_cast<int>(threadIdx.x);
    if (i >= pairs) break;
    row[j] = __half22float2(in[i]);
    sum += row[j].x + row[j].y;
    squares += row[j].x * row[j].x + row[j].y * row[j].y;
    largest = fmaxf(largest, fmaxf(row[j].x, row[j].y));
  }
  float shift, scale;
  if constexpr (normalize) {
    const float n = 2.0f * static_cast<float>(pairs);
    shift = over_block(sum, Sum{}) / n;
    scale = rsqrtf(over_block(squares, Sum{}) / n - shift * shift + 1e-5f);
  } else {
    shift = over_block(largest, Largest{});
    sum = 0;
#pragma unroll
    for (int j = 0; j < most_per_thread / 2; ++j) {
      if (j * threads + static_cast<int>(threadIdx.x) >= pairs) break;
      row[j] = make_float2(__expf(row[j].x - shift), __expf(row[j].y - shift));
      sum += row[j].x + row[j].y;
    }
    scale = 1 / over_block(sum, Sum{});
    shift = 0;
  }
#pragma unroll
  for (int j = 0; j < most_per_thread / 2; ++j) {
    const int i = j * threads + static_cast<int>(threadIdx.x);
    if (i >= pairs) break;
    out[i] = __floats2half2_rn((row[j].x - shift) * scale, (row[j].y - shift) * scale);
  }
}

}  // namespace

void launch_nothing(cudaStream_t stream) { nothing<<<1, 32, 0, stream>>>(); }

void fill(void* values, std::int64_t count, DataType type, std::uint32_t seed, cudaStream_t stream) {
  switch (type) {
    case DataType::fp64:
      return fill_with<double>(values, count, seed, stream);
    case DataType::fp32:
    case DataType::tf32:
      return fill_with<float>(values, count, seed, stream);
    case DataType::bf16:
      return fill_with<__nv_bfloat16>(values, count, seed, stream);
    case DataType::fp8:
      return fill_with<__nv_fp8_e4m3>(values, count, seed, stream);
    case DataType::int8:
      return fill_with<std::int8_t>(values, count, seed, stream);
    default:
      return fill_with<__half>(values, count, seed, stream);
  }
}

void triad(float* a, const float* b, const float* c, std::int64_t count, cudaStream_t stream) {
  const std::int64_t fours = count / 4;
  triads<<<static_cast<unsigned>((fours + threads - 1) / threads), threads, 0, stream>>>(
      reinterpret_cast<float4*>(a), reinterpret_cast<const float4*>(b), reinterpret_cast<const float4*>(c), fours);
}

void softmax_rows(void* to, const void* from, std::int64_t rows, std::int64_t columns, cudaStream_t stream) {
  rows_of<false><<<static_cast<unsigned>(rows), threads, 0, stream>>>(
      static_cast<__half2*>(to), static_cast<const __half2*>(from), static_cast<int>(columns / 2));
}

void layernorm_rows(void* to, const void* from, std::int64_t rows, std::int64_t columns, cudaStream_t stream) {
  rows_of<true><<<static_cast<unsigned>(rows), threads, 0, stream>>>(
      static_cast<__half2*>(to), static_cast<const __half2*>(from), static_cast<int>(columns / 2));
}

}  // namespace orrery::cuda
