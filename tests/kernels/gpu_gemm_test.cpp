// Tiles, waves, alignment and the two roofs of a GPU matrix product.
#include "kernels/gpu_gemm.hpp"

#include <cmath>

#include <catch2/catch.hpp>

#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

using test::perfect;
using test::plain_gpu;
using test::seconds_of;

namespace {

// Deep enough that compute, not memory, bounds it.
double compute_bound_seconds(std::int64_t m, std::int64_t n) {
  return seconds_of(plain_gpu(), perfect(), gemm(m, n, 65536, DataType::fp16));
}

}  // namespace

TEST_CASE("a product of whole tiles on all cores takes its FLOPs over the peak") {
  const Kernel kernel = gemm(128 * 10, 256 * 10, 65536, DataType::fp16);
  CHECK(seconds_of(plain_gpu(), perfect(), kernel) == Approx(kernel.flops / 100e12));
}

TEST_CASE("one row more than a tile costs another row of tiles") {
  // 100 cores, tiles as small as 32 x 32: 320 x 320 is one full wave of them, one row more needs ten tiles more.
  const double whole = compute_bound_seconds(320, 320);
  CHECK(compute_bound_seconds(319, 320) == Approx(whole));
  CHECK(compute_bound_seconds(321, 320) > 1.2 * whole);
}

TEST_CASE("a nearly empty last wave costs as much as a full one") {
  GemmParameters parameters = perfect().gemm[static_cast<std::size_t>(DataType::fp16)].parameters;
  parameters.tile_cost = 1e4;  // only the largest tile is sensible
  const double core = 1e12;
  const auto full = choose_tiling(gemm(256 * 100, 128, 4096, DataType::fp16), parameters, 100, core);
  const auto over = choose_tiling(gemm(256 * 101, 128, 4096, DataType::fp16), parameters, 100, core);
  CHECK(full.waves == 1);
  CHECK(over.waves == 2);
  CHECK(over.core_s == Approx(2 * full.core_s));
}

TEST_CASE("of the cores that a last wave leaves idle only a share costs time, and less than a wave costs a wave") {
  GemmParameters parameters = perfect().gemm[static_cast<std::size_t>(DataType::fp16)].parameters;
  parameters.tile_cost = 1e4;
  parameters.wave_tail = 0.5;
  const auto waves = [&](int tiles) {
    return choose_tiling(gemm(256 * tiles, 128, 4096, DataType::fp16), parameters, 100, 1e12).waves;
  };
  CHECK(waves(20) == 1);
  CHECK(waves(100) == 1);
  CHECK(waves(101) == Approx(1.505));
  CHECK(waves(150) == Approx(1.75));
  CHECK(waves(200) == 2);
}

TEST_CASE("where compute and memory would take the same time, neither hides all of the other") {
  DeviceCalibration calibration = perfect();
  calibration.gemm[static_cast<std::size_t>(DataType::fp16)].parameters.overlap = 2.5;
  DeviceModel device = plain_gpu();
  const Kernel kernel = gemm(12800, 25600, 4096, DataType::fp16);
  device.memory.bandwidth = BytesPerSecond(kernel.bytes / (kernel.flops / 100e12));
  CHECK(seconds_of(device, calibration, kernel) == Approx(std::pow(2.0, 1 / 2.5) * kernel.flops / 100e12));
}

TEST_CASE("small products take small tiles so that more cores work") {
  const auto parameters = perfect().gemm[static_cast<std::size_t>(DataType::fp16)].parameters;
  const auto small = choose_tiling(gemm(320, 320, 4096, DataType::fp16), parameters, 100, 1e12);
  CHECK(small.tile_m * small.tile_n == 32 * 32);
  CHECK(small.waves == 1);
}

TEST_CASE("the tile cost leaves the largest tile untouched and slows the smallest by its operand bytes") {
  GemmParameters parameters = perfect().gemm[static_cast<std::size_t>(DataType::fp16)].parameters;
  const Kernel one_tile = gemm(256, 128, 4096, DataType::fp16);
  const double before = choose_tiling(one_tile, parameters, 1, 1e12).core_s;
  parameters.tile_cost = 13;
  const auto after = choose_tiling(one_tile, parameters, 1, 1e12);
  CHECK(after.core_s == Approx(before));
  CHECK(after.tile_m == 256);
}

TEST_CASE("every tile pays for its prologue in elements of k") {
  DeviceCalibration calibration = perfect();
  calibration.gemm[static_cast<std::size_t>(DataType::fp16)].parameters.k_overhead = 1024;
  const Kernel kernel = gemm(12800, 25600, 4096, DataType::fp16);
  CHECK(seconds_of(plain_gpu(), calibration, kernel) ==
        Approx(seconds_of(plain_gpu(), perfect(), kernel) * (4096 + 1024) / 4096));
}

TEST_CASE("a deep product of few tiles is split along k over the cores that they leave idle") {
  DeviceModel device = plain_gpu();
  device.memory.bandwidth = BytesPerSecond(1e15);
  device.power = {};  // nothing holds that memory back
  const Kernel one_tile = gemm(32, 32, 1 << 20, DataType::fp16);
  CHECK(seconds_of(device, perfect(), one_tile) == Approx(one_tile.flops / 100e12 * 100 / 96));
  const auto parameters = perfect().gemm[static_cast<std::size_t>(DataType::fp16)].parameters;
  CHECK(choose_tiling(gemm(320, 320, 4096, DataType::fp16), parameters, 100, 1e12, 2).tile_m > 32);  // 100 of 32 x 32
  CHECK(choose_tiling(gemm(12800, 12800, 4096, DataType::fp16), parameters, 100, 1e12, 2).tile_m == 0);
}

TEST_CASE("partial sums are written and read once more in fp32, by a kernel of their own") {
  DeviceCalibration calibration = perfect();
  calibration.memory.parameters.launch = Seconds(3e-6);
  DeviceModel device = plain_gpu();
  device.memory.bandwidth = BytesPerSecond(1e15);
  const Kernel shallow = gemm(32, 32, 1024, DataType::fp16);
  CHECK(seconds_of(device, calibration, shallow) == Approx(shallow.flops / 100e12 * 100));  // 2.1 us: stays whole
  // Energy tells the bytes: partial sums of 96 parts beside the operands.
  const Kernel deep = gemm(32, 32, 1 << 20, DataType::fp16);
  const auto memory_J = [&](const Kernel& kernel) {
    const DeviceContext context{device, calibration, Conditions::isolated};
    return gpu_gemm(kernel, context).memory_J;
  };
  const double per_byte = memory_J(shallow) / shallow.bytes;
  CHECK(memory_J(deep) == Approx(per_byte * (deep.bytes + 96 * 32 * 32 * 8.0)));
}

TEST_CASE("a product with few rows takes its bytes over the bandwidth") {
  const Kernel kernel = gemm(1, 8192, 8192, DataType::fp16);
  CHECK(seconds_of(plain_gpu(), perfect(), kernel) == Approx(kernel.bytes / 1e12));
}

TEST_CASE("each launch is paid for on top of the slower roof") {
  DeviceCalibration calibration = perfect();
  calibration.gemm[static_cast<std::size_t>(DataType::fp16)].parameters.launch = Seconds(5e-6);
  Kernel kernel = gemm(1280, 2560, 4096, DataType::fp16);
  kernel.launches = 3;
  CHECK(seconds_of(plain_gpu(), calibration, kernel) == Approx(seconds_of(plain_gpu(), perfect(), kernel) + 15e-6));
}

TEST_CASE("rows that are no multiple of 16 bytes leave the fast path") {
  CHECK(is_aligned(gemm(7, 128, 64, DataType::fp16)));
  CHECK_FALSE(is_aligned(gemm(128, 128, 108, DataType::fp16)));
  CHECK_FALSE(is_aligned(gemm(128, 50257, 1024, DataType::fp16)));
  CHECK(is_aligned(gemm(128, 128, 100, DataType::fp32)));
  CHECK_FALSE(is_aligned(gemm(128, 128, 72, DataType::fp8)));
  CHECK(is_aligned(gemm(128, 128, 96, DataType::mxfp8)));
  const double fast = seconds_of(plain_gpu(), perfect(), gemm(12800, 25600, 4096, DataType::fp16));
  const double slow = seconds_of(plain_gpu(), perfect(), gemm(12800, 25600, 4095, DataType::fp16));
  CHECK(slow == Approx(2 * fast).epsilon(1e-3));  // 0.5 in the perfect calibration
}

TEST_CASE("batched products fill waves together") {
  // 25 products of 2 x 2 tiles of 64 x 64: one wave of 100 cores.
  DeviceModel device = plain_gpu();
  device.memory.bandwidth = BytesPerSecond(1e14);
  const Kernel batched = gemm(128, 128, 65536, DataType::fp16, 25);
  CHECK(seconds_of(device, perfect(), batched) == Approx(batched.flops / 100e12));
}

}  // namespace orrery
