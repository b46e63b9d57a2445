// The fit recovers the parameters that made the samples, ignores outliers and is repeatable.
#include "kernels/calibrate.hpp"

#include <catch2/catch.hpp>

#include "kernels/nelder_mead.hpp"
#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

namespace {

DeviceCalibration default_calibration() {
  DeviceCalibration calibration;
  calibration.attention.push_back({AttentionParameters{}, false, ""});
  return calibration;
}

// Samples timed by the model itself with the given parameters.
std::vector<KernelSample> synthetic(const GemmParameters& truth) {
  DeviceCalibration calibration = default_calibration();
  calibration.gemm[static_cast<std::size_t>(DataType::fp16)].parameters = truth;
  std::vector<KernelSample> samples;
  for (std::int64_t m : {16, 128, 512, 2048, 8192})
    for (std::int64_t n : {256, 1024, 4096, 12288})
      for (std::int64_t k : {512, 2048, 8192}) {
        const Kernel kernel = gemm(m, n, k, DataType::fp16);
        samples.push_back({{kernel}, test::seconds_of(test::plain_gpu(), calibration, kernel), 0, "synthetic"});
      }
  return samples;
}

GemmParameters truth() {
  GemmParameters parameters;
  parameters.efficiency = 0.8;
  parameters.memory_efficiency = 0.7;
  parameters.launch = Seconds(5e-6);
  parameters.k_overhead = 60;
  parameters.tile_cost = 20;
  return parameters;
}

}  // namespace

TEST_CASE("Nelder-Mead finds the bottom of a curved valley") {
  const auto rosenbrock = [](const std::vector<double>& x) {
    return 100 * (x[1] - x[0] * x[0]) * (x[1] - x[0] * x[0]) + (1 - x[0]) * (1 - x[0]);
  };
  const Minimum found = nelder_mead(rosenbrock, {-1.2, 1}, 0.5, 5000);
  CHECK(found.at[0] == Approx(1).epsilon(1e-3));
  CHECK(found.at[1] == Approx(1).epsilon(1e-3));
}

TEST_CASE("fitting samples of known parameters recovers them") {
  const auto fitted = fit_gemm(test::plain_gpu(), default_calibration(), synthetic(truth()));
  CHECK(fitted.fit.median_error < 0.005);
  CHECK(fitted.efficiency == Approx(0.8).epsilon(0.03));
  CHECK(fitted.memory_efficiency == Approx(0.7).epsilon(0.03));
  CHECK(fitted.launch.value == Approx(5e-6).epsilon(0.1));
  CHECK(fitted.fit.samples == 60);
  CHECK(fitted.fit.smallest == 16);
  CHECK(fitted.fit.largest == 12288);
}

TEST_CASE("products that are all deep say nothing of what a tile's prologue costs") {
  auto samples = synthetic(truth());
  std::erase_if(samples, [](const KernelSample& sample) { return sample.kernels.front().k < 8192; });
  const auto fitted = fit_gemm(test::plain_gpu(), default_calibration(), samples);
  CHECK(fitted.k_overhead == GemmParameters{}.k_overhead);
  CHECK(fitted.efficiency == Approx(0.8).epsilon(0.03));
}

TEST_CASE("a wild sample in ten moves the fit hardly") {
  auto samples = synthetic(truth());
  for (std::size_t i = 0; i < samples.size(); i += 10) samples[i].measured_s *= 5;
  CHECK(fit_gemm(test::plain_gpu(), default_calibration(), samples).efficiency == Approx(0.8).epsilon(0.05));
}

TEST_CASE("fitting twice gives the same bits") {
  const auto samples = synthetic(truth());
  const auto a = fit_gemm(test::plain_gpu(), default_calibration(), samples);
  const auto b = fit_gemm(test::plain_gpu(), default_calibration(), samples);
  CHECK(a.efficiency == b.efficiency);
  CHECK(a.launch.value == b.launch.value);
}

TEST_CASE("time that the benchmark itself added is no part of the device") {
  auto samples = synthetic(truth());
  for (auto& sample : samples) {
    sample.measured_s += 30e-6;
    sample.harness_s = 30e-6;
  }
  CHECK(fit_gemm(test::plain_gpu(), default_calibration(), samples).launch.value == Approx(5e-6).epsilon(0.1));
}

TEST_CASE("without samples nothing changes") {
  const auto start = default_calibration();
  CHECK(fit_memory(test::plain_gpu(), start, {}).elementwise == start.memory.parameters.elementwise);
  CHECK(fit_attention(test::plain_gpu(), start, {}).efficiency == start.attention.front().parameters.efficiency);
}

TEST_CASE("memory-bound fits see each kind of kernel by itself") {
  DeviceCalibration calibration = default_calibration();
  auto& memory = calibration.memory.parameters;
  memory.launch = Seconds(3e-6);
  memory.elementwise = 0.9;
  memory.normalization = 0.6;
  memory.softmax = 0.4;
  std::vector<KernelSample> samples;
  for (std::int64_t rows : {64, 1024, 16384})
    for (const Kernel& kernel : {normalization(rows, 4096, 4, DataType::fp16), softmax(rows, 4096, 4, DataType::fp16),
                                 elementwise(rows, 4096.0 * 4 * static_cast<double>(rows), 0, DataType::fp16)})
      samples.push_back({{kernel}, test::seconds_of(test::plain_gpu(), calibration, kernel), 0, "synthetic"});
  const auto fitted = fit_memory(test::plain_gpu(), default_calibration(), samples);
  CHECK(fitted.elementwise == Approx(0.9).epsilon(0.02));
  CHECK(fitted.normalization == Approx(0.6).epsilon(0.02));
  CHECK(fitted.softmax == Approx(0.4).epsilon(0.02));
  CHECK(fitted.launch.value == Approx(3e-6).epsilon(0.05));
}

}  // namespace orrery
