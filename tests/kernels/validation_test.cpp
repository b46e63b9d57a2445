// Predicted against measured kernels (tests/validation/measured/kernels): median and 90th percentile of
// |ln(predicted / measured)| per file and device with the shipped calibrations, at isolated conditions. The recorded values
// are what the fits reach; half a point more of the median, or one of the 90th percentile, fails. Leave-one-device-out: the
// device runs on what the others say of its generation or family.
#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "scenarios/calibration_samples.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

namespace {

using measured::Group;

const std::vector<measured::Row>& rows() {
  static const auto all = measured::read_kernels(std::filesystem::path(ORRERY_SOURCE_DATA_DIR) /
                                                 "tests/validation/measured/kernels");
  return all;
}

// The file times half a chip: what JAX calls a device.
DeviceModel measured_device(const std::string& name, Group group) {
  DeviceModel device = test::shipped(name);
  if (name == "google-tpu7x" && group == Group::gemm) {
    *device.peak.bf16 *= 0.5;
    *device.memory.bandwidth *= 0.5;
    device.matrix_units = *device.matrix_units / 2;
  }
  return device;
}

Fit errors_of(const DeviceModel& device, const DeviceCalibration& calibration,
              const std::vector<KernelSample>& samples) {
  return describe_fit(samples, log_residuals(device, calibration, samples));
}

double median_error(const DeviceModel& device, const DeviceCalibration& calibration,
                    const std::vector<KernelSample>& samples) {
  return errors_of(device, calibration, samples).median_error;
}

struct Recorded {
  const char* file;
  const char* device;
  Group group;
  int samples;
  double median, p90;  // recorded
};

// clang-format off
const Recorded recorded[] = {
    {"azure_nd_a100", "nvidia-a100-sxm4-80gb", Group::gemm, 8, 0.038, 0.090},
    {"azure_nd_a100", "nvidia-a100-sxm4-80gb", Group::memory, 4, 0.027, 0.054},
    {"azure_nd_h100", "nvidia-h100-sxm5-80gb", Group::gemm, 9, 0.012, 0.115},
    {"azure_nd_h100", "nvidia-h100-sxm5-80gb", Group::memory, 4, 0.012, 0.023},
    {"deepbench_v100_gemm", "nvidia-v100", Group::gemm, 320, 0.054, 0.247},
    {"deepgemm_h800_fp8", "nvidia-h800-sxm5-80gb", Group::gemm, 56, 0.046, 0.137},
    {"flash_attention_a100", "nvidia-a100-sxm4-80gb", Group::attention, 23, 0.006, 0.018},
    {"flash_attention_h100", "nvidia-h100-sxm5-80gb", Group::attention, 47, 0.011, 0.047},
    {"llmcompass_a100", "nvidia-a100-sxm4-80gb", Group::gemm, 20, 0.150, 0.181},
    {"llmcompass_a100", "nvidia-a100-sxm4-80gb", Group::memory, 26, 0.046, 0.096},
    {"neusight_linear_fp32", "nvidia-a100-pcie-40gb", Group::gemm, 40, 0.071, 0.250},
    {"neusight_linear_fp32", "nvidia-a100-pcie-80gb", Group::gemm, 40, 0.030, 0.185},
    {"neusight_linear_fp32", "nvidia-p100", Group::gemm, 40, 0.062, 0.897},
    {"neusight_linear_fp32", "nvidia-p4", Group::gemm, 40, 0.071, 0.398},
    {"neusight_linear_fp32", "nvidia-t4", Group::gemm, 40, 0.062, 0.299},
    {"neusight_linear_fp32", "nvidia-v100-pcie-32gb", Group::gemm, 40, 0.034, 0.161},
    {"tpu7x_kernels", "google-tpu7x", Group::gemm, 8, 0.024, 0.076},
    {"tpu7x_kernels", "google-tpu7x", Group::memory, 13, 0.004, 0.060},
    {"tpu_v6e_kernels", "google-tpu-v6e", Group::gemm, 2, 0.046, 0.083},
    {"tpu_v6e_kernels", "google-tpu-v6e", Group::memory, 1, 0.001, 0.001},
    {"vidur_mlp_ops", "nvidia-a100-sxm4-80gb", Group::gemm, 601, 0.038, 0.113},
    {"vidur_mlp_ops", "nvidia-a100-sxm4-80gb", Group::memory, 16, 0.068, 0.085},
    {"vidur_mlp_ops", "nvidia-a40", Group::gemm, 416, 0.040, 0.112},
    {"vidur_mlp_ops", "nvidia-a40", Group::memory, 28, 0.019, 0.029},
};
// clang-format on

std::vector<KernelSample> of_file(const Recorded& row) {
  std::vector<KernelSample> samples;
  for (const auto& sample : measured::select(rows(), row.device, row.group))
    if (sample.file == row.file) samples.push_back(sample);
  return samples;
}

}  // namespace

TEST_CASE(
    "measured kernels are predicted as well as recorded: within half a point of median error, one of the 90th "
    "percentile") {
  for (const Recorded& row : recorded) {
    INFO(row.file << " on " << row.device);
    const DeviceModel device = measured_device(row.device, row.group);
    const auto samples = of_file(row);
    CHECK(samples.size() == static_cast<std::size_t>(row.samples));
    const Fit errors = errors_of(device, resolve_calibration(device, Library::installed()), samples);
    CHECK(errors.median_error <= row.median + 0.005);
    CHECK(errors.p90_error <= row.p90 + 0.01);
  }
}

TEST_CASE("the record covers every row of the measured files") {
  std::size_t covered = 0;
  for (const Recorded& row : recorded) covered += of_file(row).size();
  CHECK(covered == rows().size());
}

TEST_CASE("calibrated devices meet the targets: GEMM 8 %, attention 10 %, memory-bound 8 % median error") {
  for (const char* device_name : {"nvidia-a100-sxm4-80gb", "nvidia-a40", "nvidia-v100", "nvidia-h100-sxm5-80gb",
                                  "nvidia-h800-sxm5-80gb", "google-tpu7x", "google-tpu-v6e"})
    for (const auto& [group, target] :
         {std::pair{Group::gemm, 0.08}, {Group::attention, 0.10}, {Group::memory, 0.08}}) {
      const auto samples = measured::select(rows(), device_name, group);
      if (samples.empty()) continue;
      INFO(device_name << " " << static_cast<int>(group));
      const DeviceModel device = measured_device(device_name, group);
      CHECK(median_error(device, resolve_calibration(device, Library::installed()), samples) <= target);
    }
}

TEST_CASE("devices that were never measured are predicted from the others within 15 % median error in the median") {
  // The device's own fit is withheld; another device of its generation, or the family, stands in. A T4 keeps the energy
  // constants of its generation, into which no Turing board went: under 70 W they decide what it reaches.
  struct Withheld {
    const char *device, *stand_in;
    DataType type;
  };
  const Withheld cases[] = {{"nvidia-a100-sxm4-80gb", "nvidia-a40", DataType::fp16},
                            {"nvidia-a40", "nvidia-a100-sxm4-80gb", DataType::fp16},
                            {"nvidia-v100", "unknown", DataType::fp16},
                            {"nvidia-v100", "unknown", DataType::fp32},
                            {"nvidia-h800-sxm5-80gb", "unknown", DataType::fp8},
                            {"nvidia-h100-sxm5-80gb", "unknown", DataType::fp8},
                            {"nvidia-a100-pcie-40gb", "unknown", DataType::fp32},
                            {"nvidia-a100-pcie-80gb", "unknown", DataType::fp32},
                            {"nvidia-v100-pcie-32gb", "unknown", DataType::fp32},
                            {"nvidia-p100", "unknown", DataType::fp32},
                            {"nvidia-p4", "unknown", DataType::fp32},
                            {"nvidia-t4", "same generation", DataType::fp32}};
  std::vector<double> medians;
  for (const auto& [device_name, stand_in, type] : cases) {
    const DeviceModel device = test::shipped(device_name);
    DeviceModel other = device;  // the same data sheet under a name without calibration of its own
    other.name = stand_in;
    if (other.name == "unknown") other.generation = "unknown";
    const auto samples = measured::of_type(measured::select(rows(), device_name, Group::gemm), type);
    medians.push_back(median_error(device, resolve_calibration(other, Library::installed()), samples));
    INFO(device_name << " from " << stand_in);
    CHECK(medians.back() <= 0.20);
  }
  std::sort(medians.begin(), medians.end());
  CHECK(medians[medians.size() / 2] <= 0.15);
}

}  // namespace orrery
