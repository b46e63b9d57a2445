// Systolic arrays: padding to the array, fill and drain, imperfect overlap of memory and compute.
#include "kernels/systolic.hpp"

#include <cmath>

#include <catch2/catch.hpp>

#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

namespace {

// One array of 128 x 128 at 1 GHz: 32.768 TFLOP/s.
DeviceModel one_array() {
  DeviceModel device;
  device.name = "one-array";
  device.family = DeviceFamily::tpu;
  device.cores = 1;
  device.matrix_units = 1;
  device.systolic_rows = device.systolic_columns = 128;
  device.peak.bf16 = FlopsPerSecond(2 * 128 * 128 * 1e9);
  device.memory.bandwidth = BytesPerSecond(1e15);
  return device;
}

double seconds(const Kernel& kernel, const DeviceModel& device = one_array()) {
  return test::seconds_of(device, test::perfect(), kernel);
}

}  // namespace

TEST_CASE("a tile of weights streams one row per cycle, and fill and drain are paid once") {
  CHECK(seconds(gemm(1024, 128, 128, DataType::bf16)) == Approx((1024 + 256) * 1e-9));
  CHECK(seconds(gemm(1024, 1280, 128, DataType::bf16)) == Approx((10 * 1024 + 256) * 1e-9));
}

TEST_CASE("k and n are padded to the shape of the array") {
  const double whole = seconds(gemm(1024, 256, 256, DataType::bf16));
  CHECK(seconds(gemm(1024, 129, 256, DataType::bf16)) == Approx(whole));
  CHECK(seconds(gemm(1024, 256, 129, DataType::bf16)) == Approx(whole));
  CHECK(seconds(gemm(1024, 257, 256, DataType::bf16)) > 1.3 * whole);
}

TEST_CASE("fewer rows than the array is deep take as long as loading the next weights") {
  CHECK(seconds(gemm(1, 1280, 1280, DataType::bf16)) == Approx(seconds(gemm(128, 1280, 1280, DataType::bf16))));
}

TEST_CASE("arrays share the tiles, also those of one column of tiles") {
  DeviceModel four = one_array();
  four.matrix_units = 4;
  four.peak.bf16 = FlopsPerSecond(4 * one_array().peak.bf16->value);
  CHECK(seconds(gemm(1024, 1280, 1280, DataType::bf16), four) == Approx((100 * 1024 / 4 + 256) * 1e-9));
  CHECK(seconds(gemm(4096, 128, 128, DataType::bf16), four) == Approx((1024 + 256) * 1e-9));
}

TEST_CASE("compute and memory time join in a norm whose exponent says how well they overlap") {
  DeviceModel device = one_array();
  device.memory.bandwidth = BytesPerSecond(1e12);
  DeviceCalibration calibration = test::perfect();
  auto& overlap = calibration.gemm[static_cast<std::size_t>(DataType::bf16)].parameters.overlap;
  const Kernel kernel = gemm(1024, 1024, 1024, DataType::bf16);
  const double memory = kernel.bytes / 1e12, compute = seconds(kernel);
  overlap = 1;
  CHECK(test::seconds_of(device, calibration, kernel) == Approx(memory + compute));
  overlap = 2;
  CHECK(test::seconds_of(device, calibration, kernel) == Approx(std::hypot(memory, compute)));
  overlap.reset();
  CHECK(test::seconds_of(device, calibration, kernel) == Approx(std::max(memory, compute)));
}

TEST_CASE("attention pads the width of a head to the array, and heads that share keys stream together") {
  const auto attend = [](std::int64_t rows, std::int64_t head, std::int64_t heads, std::int64_t kv,
                         bool causal = false) {
    return seconds(attention(rows, 8192, head, 1, heads, kv, causal, DataType::bf16, 1));
  };
  const double full = attention(8192, 8192, 128, 1, 8, 8, false, DataType::bf16, 1).flops / (2 * 128 * 128 * 1e9);
  CHECK(attend(8192, 128, 8, 8) == Approx(full).epsilon(1e-3));
  CHECK(attend(8192, 32, 8, 8) == Approx(attend(8192, 128, 8, 8)));
  CHECK(attend(8192, 129, 8, 8) == Approx(2 * full).epsilon(1e-3));
  CHECK(attend(1, 128, 8, 8) == Approx(attend(128, 128, 8, 8)));  // keys are loaded into the array all the same
  CHECK(attend(1, 128, 8, 1) == Approx(attend(1, 128, 1, 1)));
  CHECK(attend(8192, 128, 8, 8, true) == Approx(full / 2).epsilon(0.02));
  CHECK(attend(128, 128, 8, 8, true) == Approx(attend(128, 128, 8, 8)));
}

TEST_CASE("backward attention is five products of the same shapes") {
  const auto flops = [](const Kernel& kernel) { return kernel.flops / (2 * 128 * 128 * 1e9); };
  const Kernel backward = attention_backward(4096, 4096, 128, 1, 8, 8, false, DataType::bf16, 1);
  CHECK(seconds(backward) == Approx(flops(backward)).epsilon(1e-3));
}

TEST_CASE("kernels that are no matrix product take their bytes over the bandwidth") {
  CHECK(seconds(elementwise(1, 1e12, 0, DataType::bf16)) == Approx(1e-3));
}

}  // namespace orrery
