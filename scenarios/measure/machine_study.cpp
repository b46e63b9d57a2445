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
bool is_attention(const MachineRow& row) { return row.what.kernel.kind == KernelKind::attention; }
bool is_stream(const MachineRow& row) { return row.what.modelled && !is_product(row) && !is_attention(row); }

double best(const std::vector<MachineRow>& rows, auto wanted, double Kernel::*amount) {
  double most = 0;
  for (const MachineRow& row : rows)
    if (wanted(row)) most = std::max(most, row.what.kernel.*amount / row.measured_s);
  return most;
}

std::optional<FlopsPerSecond>* peak_of(PeakRates& peak, DataType type) {
  switch (type) {
    case DataType::fp64:
      return peak.fp64_matrix ? &peak.fp64_matrix : &peak.fp64;
    case DataType::fp32:
      return &peak.fp32;
    case DataType::tf32:
      return &peak.tf32;
    case DataType::bf16:
      return &peak.bf16;
    case DataType::fp16:
      return &peak.fp16;
    case DataType::fp8:
      return &peak.fp8;
    case DataType::int8:
      return &peak.int8;
    default:
      return nullptr;
  }
}

// Rates that the data sheet, or the driver, does not state.
void fill_in_rates(DeviceModel& device, const std::vector<MachineRow>& rows) {
  constexpr double reached = 0.95;  // of a peak, by the best kernel
  for (std::size_t t = 0; t < data_type_names.size(); ++t) {
    const auto of_type = [type = static_cast<DataType>(t)](const MachineRow& row) {
      return row.what.fit && is_product(row) && row.what.kernel.type == type;
    };
    auto* peak = peak_of(device.peak, static_cast<DataType>(t));
    if (!peak || *peak) continue;
    if (const double rate = best(rows, of_type, &Kernel::flops); rate > 0) *peak = FlopsPerSecond(rate / reached);
  }
  if (!memory_bandwidth(device))
    device.memory.bandwidth = BytesPerSecond(
        best(
            rows, [](const MachineRow& row) { return row.what.fit && is_stream(row); }, &Kernel::bytes) /
        reached);
  const double from_host = best(
      rows, [](const MachineRow& row) { return row.what.name == "copy_to_device"; }, &Kernel::bytes);
  if (from_host > 0 && !device.host_link) device.host_link = DeviceHostLink{"", BytesPerSecond(from_host)};
}

std::vector<KernelSample> samples_of(const std::vector<MachineRow>& rows, auto wanted) {
  std::vector<KernelSample> samples;
  for (const MachineRow& row : rows)
    if (row.what.fit && row.what.modelled && wanted(row))
      samples.push_back({{row.what.kernel}, row.measured_s, 0, file_name});
  return samples;
}

}  // namespace

double MachineStudy::median_error(bool fitted) const {
  std::vector<double> errors;
  for (const MachineRow& row : rows)
    if (row.what.modelled && row.what.fit == fitted) errors.push_back(std::abs(row.predicted_s / row.measured_s - 1));
  return median(errors).value_or(0);
}

DeviceModel core_device(const std::string& name, const std::string& processor) {
  DeviceModel device;
  device.name = name;
  device.title = processor;
  device.family = DeviceFamily::cpu;
  device.cores = 1;
  device.core_kind = "core of the machine that measured";
  device.memory.kind = "shared";
  device.sources = {{"", "measured by `orrery measure`: 1/0.95 of the best rate that a kernel reached on one core"}};
  return device;
}

namespace {

void fit(MachineStudy& study, DeviceCalibration& calibration) {
  Calibration& fitted = study.calibration;
  fitted.name = study.device.name;
  fitted.title = study.device.title;
  fitted.sources = {{"", "fitted by `orrery measure` on kernels timed on the machine itself"}};
  for (std::size_t t = 0; t < data_type_names.size(); ++t) {
    const auto samples = samples_of(study.rows, [type = static_cast<DataType>(t)](const MachineRow& r) {
      return is_product(r) && r.what.kernel.type == type;
    });
    if (!samples.empty()) fitted.gemm.push_back(fit_gemm(study.device, calibration, samples));
  }
  for (const GemmParameters& entry : fitted.gemm) put(calibration, entry);
  if (const auto samples = samples_of(study.rows, is_attention); !samples.empty()) {
    fitted.attention.push_back(fit_attention(study.device, calibration, samples));
    put(calibration, fitted.attention.back());
  }
  if (const auto samples = samples_of(study.rows, is_stream); !samples.empty()) {
    fitted.memory = fit_memory(study.device, calibration, samples);
    calibration.memory.parameters = *fitted.memory;
  }
}

std::string sizes_of(const MachineKernel& kernel) {
  std::string sizes;
  for (const auto& [size, value] : kernel.shape.items())
    sizes += fmt::format("{}{} {}", sizes.empty() ? "" : ", ", size, value.dump());
  return sizes;
}

}  // namespace

MachineStudy study_machine(const DeviceModel& known, std::vector<MachineKernel> kernels,
                           const std::vector<Timing>& timings, const Library& library) {
  MachineStudy study;
  study.device = known;
  const bool gpu = known.family == DeviceFamily::gpu;
  study.part = gpu ? "a GPU of this machine" : "one core of this machine";
  study.how =
      gpu ? "orrery measure --gpu: fastest of several trains of launches, by the device's clock; power, clock and "
            "temperature are means while they ran"
          : "orrery measure: fastest of several repetitions on one core";
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const Timing& timing = timings.at(i);
    if (timing.skipped.empty())
      study.rows.push_back({std::move(kernels[i]), timing.seconds, 0, timing.reading});
    else
      study.skipped.push_back(fmt::format("{} {} ({}): {}", kernels[i].name, name(kernels[i].kernel.type),
                                          sizes_of(kernels[i]), timing.skipped));
  }
  fill_in_rates(study.device, study.rows);
  DeviceCalibration calibration = fit_start(study.device, library);
  fit(study, calibration);
  for (MachineRow& row : study.rows) {
    if (!row.what.modelled) continue;
    const KernelSample sample{{row.what.kernel}, row.measured_s, 0, file_name};
    row.predicted_s = row.measured_s * std::exp(log_residuals(study.device, calibration, {&sample, 1})[0]);
  }
  return study;
}

Json measured_runs(const MachineStudy& study) {
  Json runs = Json::array();
  for (const MachineRow& row : study.rows) {
    Json measured = {{"time_s", row.measured_s}};
    if (row.reading.power_W > 0) measured["power_W"] = row.reading.power_W;
    if (row.reading.clock_Hz > 0) measured["clock_MHz"] = row.reading.clock_Hz / 1e6;
    if (row.reading.temperature_C > 0) measured["temperature_C"] = row.reading.temperature_C;
    Json run = {{"id", fmt::format("{}-{:03}-{}", study.device.name, runs.size(), row.what.name)},
                {"kernel", row.what.name},
                {"precision", name(row.what.kernel.type)},
                {"shape", row.what.shape},
                {"fitted", row.what.fit},
                {"measured", measured}};
    if (is_attention(row)) run["implementation"] = "cuDNN";
    runs.push_back(run);
  }
  return {{"format", "orrery/measured/1"},
          {"kind", "kernel"},
          {"source", {{"title", study.device.title}, {"where", "this machine"}, {"how_obtained", study.how}}},
          {"cluster", {{"accelerator", study.device.name}, {"devices_per_node", 1}}},
          {"notes", nullptr},
          {"runs", runs}};
}

namespace {

std::string rate_of(const MachineRow& row) {
  if (is_product(row) || is_attention(row)) return human(FlopsPerSecond(row.what.kernel.flops / row.measured_s));
  return row.what.kernel.bytes > 0 ? human(BytesPerSecond(row.what.kernel.bytes / row.measured_s)) : "";
}

std::vector<std::string> cells_of(const MachineRow& row, bool readings) {
  std::vector<std::string> cells = {
      row.what.name, std::string(name(row.what.kernel.type)), human(Seconds(row.measured_s)), "", "", rate_of(row),
      "fact"};
  if (row.what.modelled) {
    cells[3] = human(Seconds(row.predicted_s));
    cells[4] = fmt::format("{:+.1f} %", 100 * (row.predicted_s / row.measured_s - 1));
    cells[6] = row.what.fit ? "fitted" : "withheld";
  }
  const DeviceReading& r = row.reading;
  if (readings)
    cells.push_back(
        r.samples ? fmt::format("{:.0f} W, {:.0f} MHz, {:.0f} C", r.power_W, r.clock_Hz / 1e6, r.temperature_C) : "");
  cells.push_back(sizes_of(row.what));
  return cells;
}

}  // namespace

std::string study_text(const MachineStudy& study) {
  TextTable table;
  table.columns = {{"kernel"},
                   {"type"},
                   {"measured", Align::right},
                   {"predicted", Align::right},
                   {"error", Align::right},
                   {"rate", Align::right},
                   {"used"}};
  const bool readings = std::any_of(study.rows.begin(), study.rows.end(),
                                    [](const MachineRow& row) { return row.reading.samples > 0; });
  if (readings) table.columns.push_back({"meanwhile"});
  table.columns.push_back({"sizes"});
  for (const MachineRow& row : study.rows) table.rows.push_back(cells_of(row, readings));
  table.remarks = {"", fmt::format("median error: {:.1f} % on fitted shapes, {:.1f} % on withheld ones",
                                   100 * study.median_error(true), 100 * study.median_error(false))};
  for (const std::string& reason : study.skipped) table.remarks.push_back("skipped: " + reason);
  return fmt::format("{}: {} ({})\n\n", study.device.name, study.part, study.device.title) + table.text();
}

Json study_json(const MachineStudy& study) {
  Json rows = Json::array();
  for (const MachineRow& row : study.rows) {
    Json entry = {{"kernel", row.what.name},
                  {"precision", name(row.what.kernel.type)},
                  {"shape", row.what.shape},
                  {"fitted", row.what.fit},
                  {"measured_s", row.measured_s},
                  {"predicted_s", row.what.modelled ? Json(row.predicted_s) : Json()},
                  {"error", row.what.modelled ? Json(row.predicted_s / row.measured_s - 1) : Json()}};
    if (row.reading.samples > 0)
      entry.update({{"power_W", row.reading.power_W},
                    {"clock_MHz", row.reading.clock_Hz / 1e6},
                    {"temperature_C", row.reading.temperature_C}});
    rows.push_back(entry);
  }
  return {{"orrery", version()},
          {"accelerator", write_spec(study.device)},
          {"calibration", write_spec(study.calibration)},
          {"median_abs_error_fitted", study.median_error(true)},
          {"median_abs_error_withheld", study.median_error(false)},
          {"skipped", study.skipped},
          {"rows", rows}};
}

}  // namespace orrery
