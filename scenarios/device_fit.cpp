#include "scenarios/device_fit.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace orrery {

namespace {

using measured::Group;

std::vector<KernelSample> fitted_samples(const std::vector<measured::Row>& rows, const std::string& accelerator,
                                         Group group) {
  std::vector<measured::Row> used;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(used), [](const measured::Row& row) { return row.fit; });
  return measured::select(used, accelerator, group);
}

std::string provenance(const Calibration& calibration) {
  std::set<std::string> files;
  for (const auto& entry : calibration.gemm) files.insert(entry.fit.files.begin(), entry.fit.files.end());
  for (const auto& entry : calibration.attention) files.insert(entry.fit.files.begin(), entry.fit.files.end());
  if (calibration.memory) files.insert(calibration.memory->fit.files.begin(), calibration.memory->fit.files.end());
  std::string names;
  for (const std::string& file : files) names += (names.empty() ? "" : ", ") + file;
  return "fitted by `orrery calibrate` on the measured files " + names;
}

}  // namespace

DeviceModel timed_device(const DeviceModel& shipped, Group group) {
  DeviceModel device = shipped;
  if (device.name != "google-tpu7x" || group != Group::gemm) return device;
  const auto halve = [](auto& figure) {
    if (figure) *figure *= 0.5;
  };
  halve(device.peak.bf16);
  halve(device.peak.fp8);
  halve(device.memory.bandwidth);
  if (device.matrix_units) device.matrix_units = *device.matrix_units / 2;
  return device;
}

DeviceCalibration family_defaults(const DeviceModel& device, const Library& library) {
  DeviceModel unknown = device;
  unknown.name = unknown.generation = "unknown";
  return resolve_calibration(unknown, library);
}

std::vector<std::string> accelerators_of(const std::vector<measured::Row>& rows) {
  std::set<std::string> names;
  for (const measured::Row& row : rows) names.insert(row.accelerator);
  return {names.begin(), names.end()};
}

void put(DeviceCalibration& calibration, const GemmParameters& parameters) {
  calibration.gemm[static_cast<std::size_t>(parameters.type)].parameters = parameters;
}

void put(DeviceCalibration& calibration, const AttentionParameters& parameters) {
  calibration.attention = {{parameters, true, ""}};
}

DeviceFit fit_device(const std::string& accelerator, const std::vector<measured::Row>& rows, const Library& library) {
  DeviceFit result;
  result.device = load_part<DeviceModel>("hardware/accelerators", accelerator, library);
  const DeviceCalibration start = family_defaults(result.device, library);
  Calibration& fitted = result.calibration;
  fitted.name = accelerator;
  fitted.title = result.device.title;
  const auto products = fitted_samples(rows, accelerator, Group::gemm);
  for (std::size_t t = 0; t < data_type_names.size(); ++t)
    if (const auto samples = measured::of_type(products, static_cast<DataType>(t)); !samples.empty())
      fitted.gemm.push_back(fit_gemm(timed_device(result.device, Group::gemm), start, samples));
  const auto attention = fitted_samples(rows, accelerator, Group::attention);
  for (int generation = 1; generation <= 3; ++generation)
    if (const auto samples = measured::of_generation(attention, generation); !samples.empty())
      fitted.attention.push_back(fit_attention(result.device, start, samples));
  if (const auto samples = fitted_samples(rows, accelerator, Group::memory); !samples.empty())
    fitted.memory = fit_memory(result.device, start, samples);
  fitted.sources = {{"", provenance(fitted)}};
  return result;
}

}  // namespace orrery
