// Devices for kernel tests: the shipped ones, and a small hand-made one with a calibration without losses, whose times
// are closed forms.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/calibration.hpp"
#include "kernels/cost_models.hpp"
#include "kernels/device_rates.hpp"
#include "sim/device.hpp"

namespace orrery::test {

inline DeviceModel shipped(const std::string& name) {
  return load_part<DeviceModel>("hardware/accelerators", name, Library::installed());
}

inline std::vector<std::string> shipped_names() { return Library::installed().names("hardware/accelerators"); }

// 100 cores, 100 TFLOP/s of 16-bit matrix work, 10 of fp32 vectors, 1 TB/s, 300 W of which 50 idle.
inline DeviceModel plain_gpu() {
  DeviceModel device;
  device.name = "plain-gpu";
  device.family = DeviceFamily::gpu;
  device.cores = 100;
  device.peak.fp16 = device.peak.bf16 = FlopsPerSecond(100e12);
  device.peak.fp32 = FlopsPerSecond(10e12);
  device.memory.bandwidth = BytesPerSecond(1e12);
  device.power.tdp = Watts(300);
  device.power.idle = Watts(50);
  return device;
}

// Every efficiency 1 and every overhead 0: what remains is the structure of the model.
inline DeviceCalibration perfect() {
  DeviceCalibration calibration;
  for (auto& found : calibration.gemm) {
    found.parameters.efficiency = found.parameters.memory_efficiency = 1;
    found.parameters.launch = Seconds(0);
    found.parameters.k_overhead = found.parameters.tile_cost = 0;
    found.parameters.misaligned = 0.5;
  }
  AttentionParameters attention;
  attention.efficiency = attention.backward_ratio = attention.causal_ratio = 1;
  attention.head_overhead = attention.half_length = attention.causal_half_length = 0;
  calibration.attention.push_back({attention, true, ""});
  MemoryParameters& memory = calibration.memory.parameters;
  memory.launch = Seconds(0);
  memory.elementwise = memory.normalization = memory.softmax = 1;
  memory.wide_normalization = 0.5;
  calibration.energy = EnergyParameters{};
  return calibration;
}

// Where results (products) or queries (attention) leave cores of a GPU idle, k or the keys are cut as it takes least time at
// the rates of the moment, and what is cut finer moves more bytes.
inline bool cut_by_rates(const DeviceModel& device, const Kernel& kernel) {
  if (device.family != DeviceFamily::gpu) return false;
  const auto parts = [](std::int64_t size, std::int64_t part) { return (size + part - 1) / part; };
  const std::int64_t cores = core_count(device);
  if (kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::convolution)
    return kernel.batch *
               std::min(parts(kernel.m, 256) * parts(kernel.n, 128), parts(kernel.m, 128) * parts(kernel.n, 256)) <
           cores;  // in the largest tiles
  const bool attention = kernel.kind == KernelKind::attention || kernel.kind == KernelKind::attention_backward;
  return attention && kernel.batch / std::max<std::int64_t>(kernel.group, 1) * parts(kernel.m, 128) < cores;
}

inline double seconds_of(const DeviceModel& device, const DeviceCalibration& calibration, const Kernel& kernel,
                         OperatingPoint point = {}) {
  const auto model = make_cost_model(std::vector{device}, std::vector{calibration});
  return model->sequence(DeviceTypeId(std::size_t{0}), std::vector{kernel}, point).time.value;
}

}  // namespace orrery::test
