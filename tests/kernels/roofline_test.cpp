// The roofline of families without measured kernels: attention runs at the parameters that its answer names.
#include "kernels/roofline.hpp"

#include <catch2/catch.hpp>

#include "kernels/gpu_attention.hpp"
#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

TEST_CASE(
    "attention on a machine without a model of its own runs at its own share of the peak, by head, length and mask") {
  DeviceModel device = test::plain_gpu();
  device.family = DeviceFamily::cpu;
  device.memory.bandwidth = BytesPerSecond(1e15);
  DeviceCalibration calibration = test::perfect();
  const auto rate = [&](std::int64_t head, std::int64_t length, bool causal) {
    const Kernel kernel = attention(length, length, head, 1, 8, 8, causal, DataType::fp16, 2);
    return kernel.flops / test::seconds_of(device, calibration, kernel) / 100e12;
  };
  CHECK(rate(128, 4096, false) == Approx(1));
  AttentionParameters& parameters = calibration.attention.front().parameters;
  parameters.efficiency = 0.5;
  parameters.head_overhead = 64;
  parameters.half_length = 4096;
  parameters.causal_half_length = 12288;
  CHECK(rate(64, 4096, false) == Approx(0.5 * 0.5 * 0.5));
  CHECK(rate(192, 4096, false) == Approx(0.5 * 0.75 * 0.5));
  CHECK(rate(64, 12288, false) == Approx(0.5 * 0.5 * 0.75));
  CHECK(rate(64, 4096, true) == Approx(0.5 * 0.5 * 0.25));
}

TEST_CASE(
    "on shipped CPUs, IPUs, wafers and dataflow machines narrow heads run at less of the peak than large products") {
  for (const char* name :
       {"nvidia-grace", "amd-epyc-9654", "graphcore-ipu-gc200", "cerebras-wse3", "sambanova-sn40l"}) {
    INFO(name);
    const DeviceModel device = test::shipped(name);
    const auto calibration = resolve_calibration(device, Library::installed());
    for (const DataType type : {DataType::fp32, DataType::fp16, DataType::bf16}) {
      if (!matrix_peak(device, type)) continue;
      const auto rate = [&](const Kernel& kernel) {
        return kernel.flops / test::seconds_of(device, calibration, kernel);
      };
      CHECK(rate(attention(8192, 8192, 16, 4, 32, 32, false, type, 2)) < 0.5 * rate(gemm(8192, 8192, 8192, type)));
    }
  }
}

}  // namespace orrery
