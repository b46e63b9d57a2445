#include "scenarios/measure/machine_study.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analysis/error_statistics.hpp"
#include "kernels/calibrate.hpp"
#include "scenarios/device_fit.hpp"
#include "scenarios/text_table.hpp"
#include "scenarios/version.hpp"

namespace orrery {

namespace {

constexpr const char* file_name = "measured-kernels";

bool is_product(const MachineRow& row) { return row.what.kernel.kind == KernelKind::gemm; }

double best(const std::vector<MachineRow>& rows, auto rate) {
  double most = 0;
  for (const MachineRow& row : rows)
    if (row.what.fit) most = std::max(most, rate(row));
  return most;
}

DeviceModel device_of(const std::string& name, const std::string& title, const std::vector<MachineRow>& rows) {
  constexpr double reached = 0.95;  // of a peak, by the best kernel
  const auto rate_of = [&](DataType type) {
    return FlopsPerSecond(best(rows,
                               [type](const MachineRow& row) {
                                 return is_product(row) && row.what.kernel.type == type
                                            ? row.what.kernel.flops / row.measured_s
                                            : 0.0;
                               }) /
                          reached);
  };
  DeviceModel device;
  device.name = name;
  device.title = title;
  device.family = DeviceFamily::cpu;
  device.cores = 1;
  device.core_kind = "core of the machine that measured";
  device.peak.fp32 = rate_of(DataType::fp32);
  device.peak.fp64 = rate_of(DataType::fp64);
  device.memory.kind = "shared";
  device.memory.bandwidth = BytesPerSecond(
      best(rows, [](const MachineRow& row) { return is_product(row) ? 0.0 : row.what.kernel.bytes / row.measured_s; }) /
      reached);
  device.sources = {{"", "measured by `orrery measure`: 1/0.95 of the best rate that a kernel reached on one core"}};
  return device;
}

std::vector<KernelSample> samples_of(const std::vector<MachineRow>& rows, auto wanted) {
  std::vector<KernelSample> samples;
  for (const MachineRow& row : rows)
    if (row.what.fit && wanted(row)) samples.push_back({{row.what.kernel}, row.measured_s, 0, file_name});
  return samples;
}

}  // namespace

double MachineStudy::median_error(bool fitted) const {
  std::vector<double> errors;
  for (const MachineRow& row : rows)
    if (row.what.fit == fitted) errors.push_back(std::abs(row.predicted_s / row.measured_s - 1));
  return median(errors).value_or(0);
}

MachineStudy study_machine(const std::string& name, const std::string& title, std::vector<MachineKernel> kernels,
                           const std::vector<double>& seconds, const Library& library) {
  MachineStudy study;
  for (std::size_t i = 0; i < kernels.size(); ++i) study.rows.push_back({std::move(kernels[i]), seconds.at(i), 0});
  study.device = device_of(name, title, study.rows);
  DeviceCalibration calibration = family_defaults(study.device, library);
  Calibration& fitted = study.calibration;
  fitted.name = name;
  fitted.title = title;
  fitted.sources = {{"", "fitted by `orrery measure` on kernels timed on the machine itself"}};
  for (const DataType type : {DataType::fp64, DataType::fp32}) {
    const auto samples = samples_of(
        study.rows, [type](const MachineRow& r) { return is_product(r) && r.what.kernel.type == type; });
    if (samples.empty()) continue;
    fitted.gemm.push_back(fit_gemm(study.device, calibration, samples));
  }
  for (const GemmParameters& entry : fitted.gemm) put(calibration, entry);
  const auto streams = samples_of(study.rows, [](const MachineRow& r) { return !is_product(r); });
  if (!streams.empty()) {
    fitted.memory = fit_memory(study.device, calibration, streams);
    calibration.memory.parameters = *fitted.memory;
  }
  for (MachineRow& row : study.rows) {
    const KernelSample sample{{row.what.kernel}, row.measured_s, 0, file_name};
    row.predicted_s = row.measured_s * std::exp(log_residuals(study.device, calibration, {&sample, 1})[0]);
  }
  return study;
}

Json measured_runs(const MachineStudy& study) {
  Json runs = Json::array();
  for (const MachineRow& row : study.rows)
    runs.push_back({{"id", fmt::format("{}-{:03}-{}", study.device.name, runs.size(), row.what.name)},
                    {"kernel", row.what.name},
                    {"precision", name(row.what.kernel.type)},
                    {"shape", row.what.shape},
                    {"fitted", row.what.fit},
                    {"measured", {{"time_s", row.measured_s}}}});
  return {{"format", "orrery/measured/1"},
          {"kind", "kernel"},
          {"source",
           {{"title", study.device.title},
            {"where", "this machine"},
            {"how_obtained", "orrery measure: fastest of several repetitions on one core"}}},
          {"cluster", {{"accelerator", study.device.name}, {"devices_per_node", 1}}},
          {"notes", nullptr},
          {"runs", runs}};
}

std::string study_text(const MachineStudy& study) {
  TextTable table;
  table.columns = {{"kernel"},
                   {"type"},
                   {"measured", Align::right},
                   {"predicted", Align::right},
                   {"error", Align::right},
                   {"rate", Align::right},
                   {"used"},
                   {"sizes"}};
  for (const MachineRow& row : study.rows) {
    std::string sizes;
    for (const auto& [size, value] : row.what.shape.items())
      sizes += fmt::format("{}{} {}", sizes.empty() ? "" : ", ", size, value.get<std::int64_t>());
    table.rows.push_back({row.what.name, std::string(name(row.what.kernel.type)), human(Seconds(row.measured_s)),
                          human(Seconds(row.predicted_s)),
                          fmt::format("{:+.1f} %", 100 * (row.predicted_s / row.measured_s - 1)),
                          is_product(row) ? human(FlopsPerSecond(row.what.kernel.flops / row.measured_s))
                                          : human(BytesPerSecond(row.what.kernel.bytes / row.measured_s)),
                          row.what.fit ? "fitted" : "withheld", sizes});
  }
  table.remarks = {"", fmt::format("median error: {:.1f} % on fitted shapes, {:.1f} % on withheld ones",
                                   100 * study.median_error(true), 100 * study.median_error(false))};
  return fmt::format("{}: one core of this machine ({})\n\n", study.device.name, study.device.title) + table.text();
}

Json study_json(const MachineStudy& study) {
  Json rows = Json::array();
  for (const MachineRow& row : study.rows)
    rows.push_back({{"kernel", row.what.name},
                    {"precision", name(row.what.kernel.type)},
                    {"shape", row.what.shape},
                    {"fitted", row.what.fit},
                    {"measured_s", row.measured_s},
                    {"predicted_s", row.predicted_s},
                    {"error", row.predicted_s / row.measured_s - 1}});
  return {{"orrery", version()},
          {"accelerator", write_spec(study.device)},
          {"calibration", write_spec(study.calibration)},
          {"median_abs_error_fitted", study.median_error(true)},
          {"median_abs_error_withheld", study.median_error(false)},
          {"rows", rows}};
}

}  // namespace orrery
