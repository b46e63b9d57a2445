// Laws that every shipped device obeys for every type it computes with, over seeded random shapes.
#include <cmath>
#include <random>

#include <catch2/catch.hpp>

#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

namespace {

class Shapes {
 public:
  std::int64_t dimension() {  // 1 to 32768, as many small as large, one in two a multiple of 64
    const double size = std::exp2(std::uniform_real_distribution<double>(0, 15)(random_));
    const auto n = static_cast<std::int64_t>(size);
    return random_() % 2 == 0 ? (n + 63) / 64 * 64 : std::max<std::int64_t>(1, n);
  }

  Kernel any(DataType type) {
    const std::int64_t a = dimension(), b = dimension();
    switch (random_() % 8) {
      case 0:
        return normalization(a, b, 4, type);
      case 1:
        return softmax(a, b, 6, type);
      case 2:
        return elementwise(a * b, 6.0 * static_cast<double>(a * b), static_cast<double>(a * b), type);
      case 3:
        return attention(a, b, 64 << random_() % 2, 2, 8, 4, random_() % 2 == 0, type,
                         1 + static_cast<int>(random_() % 3));
      case 4:
        return attention_backward(a, a, 128, 2, 8, 8, true, type, 2);
      default:
        return gemm(a, b, dimension(), type, 1 + static_cast<std::int64_t>(random_() % 4));
    }
  }

 private:
  std::mt19937 random_{20261123};  // its values are specified by the standard; the distribution above only shapes tests
};

template <class Check> void for_each_device_and_type(const Check& check) {
  for (const auto& name : test::shipped_names()) {
    const DeviceModel device = test::shipped(name);
    if (!device.memory.bandwidth && !device.on_chip.l1_bandwidth && !device.on_chip.l2_bandwidth) continue;
    const DeviceCalibration calibration = resolve_calibration(device, Library::installed());
    for (std::size_t i = 0; i < data_type_names.size(); ++i) {
      const auto type = static_cast<DataType>(i);
      if (!matrix_peak(device, type)) continue;
      INFO(name << " " << data_type_names[i]);
      check(device, calibration, type);
    }
  }
}

double bandwidth(const DeviceModel& device) {
  if (device.memory.bandwidth) return device.memory.bandwidth->value;
  return (device.on_chip.l1_bandwidth ? device.on_chip.l1_bandwidth : device.on_chip.l2_bandwidth)->value;
}

}  // namespace

TEST_CASE("no kernel beats the peak, the bandwidth or zero energy, and none exceeds the power limit in long runs") {
  for_each_device_and_type([](const DeviceModel& device, const DeviceCalibration& calibration, DataType type) {
    const auto model = make_cost_model(std::vector{device}, std::vector{calibration}, Conditions::isolated);
    const auto long_run = make_cost_model(std::vector{device}, std::vector{calibration}, Conditions::sustained);
    Shapes shapes;
    for (int i = 0; i < 60; ++i) {
      const Kernel kernel = shapes.any(type);
      INFO(name(kernel.kind) << " " << kernel.m << " " << kernel.n << " " << kernel.k << " x " << kernel.batch);
      const Cost cost = model->sequence(DeviceTypeId(std::size_t{0}), std::vector{kernel}, {});
      const bool matrix = kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::attention ||
                          kernel.kind == KernelKind::attention_backward;
      if (matrix) CHECK(cost.time.value >= kernel.flops / matrix_peak(device, type)->value);
      CHECK(cost.time.value >= kernel.bytes / bandwidth(device));
      CHECK(std::isfinite(cost.time.value));
      CHECK(cost.energy.value >= 0);
      const Cost held = long_run->sequence(DeviceTypeId(std::size_t{0}), std::vector{kernel}, {});
      if (device.power.tdp) CHECK(held.energy.value <= device.power.tdp->value * held.time.value * (1 + 1e-12));
      if (!test::cut_by_rates(device, kernel))
        CHECK(held.energy.value <= cost.energy.value * (1 + 1e-12));  // the same work at a lower clock
    }
  });
}

TEST_CASE("time never falls when m, n or k of a product grows by a tile") {
  for_each_device_and_type([](const DeviceModel& device, const DeviceCalibration& calibration, DataType type) {
    Shapes shapes;
    for (int i = 0; i < 30; ++i) {
      const std::int64_t m = shapes.dimension(), n = shapes.dimension(), k = shapes.dimension();
      INFO(m << " " << n << " " << k);
      const double before = test::seconds_of(device, calibration, gemm(m, n, k, type));
      CHECK(test::seconds_of(device, calibration, gemm(m + 256, n, k, type)) >= before);
      CHECK(test::seconds_of(device, calibration, gemm(m, n + 256, k, type)) >= before);
      CHECK(test::seconds_of(device, calibration, gemm(m, n, k + 256, type)) >= before);
      CHECK(test::seconds_of(device, calibration, gemm(m, n, k, type, 2)) >= before);
    }
  });
}

TEST_CASE("attention never gets faster when sequences grow") {
  for_each_device_and_type([](const DeviceModel& device, const DeviceCalibration& calibration, DataType type) {
    for (bool causal : {false, true}) {
      double before = 0;
      for (std::int64_t s = 16; s <= 32768; s *= 2) {
        const double now = test::seconds_of(device, calibration, attention(s, s, 128, 2, 16, 16, causal, type, 2));
        CHECK(now >= before);
        before = now;
      }
    }
  });
}

TEST_CASE("time never rises when peaks, bandwidth or clocks rise") {
  for_each_device_and_type([](const DeviceModel& device, const DeviceCalibration& calibration, DataType type) {
    DeviceModel faster = device, wider = device;
    for (auto* peak : {&faster.peak.fp64, &faster.peak.fp64_matrix, &faster.peak.fp32, &faster.peak.fp32_matrix,
                       &faster.peak.tf32, &faster.peak.bf16, &faster.peak.fp16, &faster.peak.fp8, &faster.peak.int8,
                       &faster.peak.fp6, &faster.peak.fp4})
      if (*peak) **peak *= 1.3;
    for (auto* rate : {&wider.memory.bandwidth, &wider.on_chip.l1_bandwidth, &wider.on_chip.l2_bandwidth})
      if (*rate) **rate *= 1.3;
    Shapes shapes;
    for (int i = 0; i < 30; ++i) {
      const Kernel kernel = shapes.any(type);
      INFO(name(kernel.kind) << " " << kernel.m << " " << kernel.n << " " << kernel.k);
      const double nominal = test::seconds_of(device, calibration, kernel);
      CHECK(test::seconds_of(faster, calibration, kernel) <= nominal);
      CHECK(test::seconds_of(wider, calibration, kernel) <= nominal);
      CHECK(test::seconds_of(device, calibration, kernel, {1.1, 1, 1}) <= nominal);
      CHECK(test::seconds_of(device, calibration, kernel, {1, 1.1, 1}) <= nominal);
      CHECK(test::seconds_of(device, calibration, kernel, {1, 1, 0.5}) >= nominal);
    }
  });
}

}  // namespace orrery
