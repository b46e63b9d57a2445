#include "scenarios/device_fit.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

using measured::Group;

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

namespace {

DeviceCalibration family_defaults(const DeviceModel& device, const Library& library) {
  DeviceModel unknown = device;
  unknown.name = unknown.generation = "unknown";
  return resolve_calibration(unknown, library);
}

}  // namespace

std::vector<KernelSample> samples_of(const std::vector<measured::Row>& rows, const std::string& accelerator,
                                     Group group, bool fitted) {
  std::vector<measured::Row> used;
  std::ranges::copy_if(rows, std::back_inserter(used), [fitted](const auto& row) { return row.fit == fitted; });
  return measured::select(used, accelerator, group);
}

DeviceCalibration fit_start(const DeviceModel& device, const Library& library) {
  DeviceCalibration start = family_defaults(device, library);
  DeviceModel sibling = device;
  sibling.name = "unknown";
  const DeviceCalibration generation = resolve_calibration(sibling, library);
  for (std::size_t t = 0; t < start.gemm.size(); ++t)
    start.gemm[t].parameters.tile_step = generation.gemm[t].parameters.tile_step;
  return start;
}

// Why a device cannot have computed a sample; empty where it can.
static std::string impossible(const KernelSample& sample, const DeviceModel& device) {
  // Of the data sheet's, with room: H100 boosts to 1.98 GHz, 1.13 times its own.
  constexpr double fastest_clock = 1.25;
  const DataType type = sample.kernels.front().type;
  const auto peak = matrix_peak(device, type);
  if (!peak) return fmt::format("{} does not compute products in {}", device.name, name(type));
  double flops = 0;
  for (const Kernel& kernel : sample.kernels) flops += kernel.flops * kernel.repeat;
  return flops > fastest_clock * peak->value * sample.measured_s ? device.name + " does not compute products that fast"
                                                                 : "";
}

std::vector<measured::Row> computable(std::vector<measured::Row> rows, const Library& library,
                                      std::vector<measured::LeftOut>& left_out) {
  const std::vector<std::string> names = library.names("hardware/accelerators");
  std::map<std::string, DeviceModel> devices;
  const auto device_of = [&](const std::string& name) -> const DeviceModel& {
    if (!devices.contains(name)) devices.emplace(name, load_part<DeviceModel>("hardware/accelerators", name, library));
    return devices.at(name);
  };
  std::erase_if(rows, [&](const measured::Row& row) {
    std::string why;
    if (library.find("hardware/accelerators", row.accelerator).empty())
      why = fmt::format("there is no accelerator {}", quote_unknown(row.accelerator, names));
    else if (row.group != Group::memory)
      why = impossible(row.sample, device_of(row.accelerator));
    if (!why.empty()) left_out.push_back({row.sample.file, row.id, why});
    return !why.empty();
  });
  return rows;
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

namespace {

// The shipped file's own entries, sources and remarks for what was not fitted here.
void keep_the_rest(Calibration& fitted, const MemoryParameters& start, const Library& library) {
  if (library.find("kernels/calibration", fitted.name).empty()) return;
  const auto shipped = load_part<Calibration>("kernels/calibration", fitted.name, library);
  const auto merge = [](auto& entries, const auto& old, auto same) {
    for (const auto& entry : old) {
      const auto it = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return same(e, entry); });
      if (it == entries.end())
        entries.push_back(entry);
      else if (entry.fit.median_error > 0)
        it->fit.note = entry.fit.note;  // of a fit: what a figure set by hand stood on says nothing of this one
    }
  };
  merge(fitted.gemm, shipped.gemm, [](const auto& a, const auto& b) { return a.type == b.type; });
  merge(fitted.attention, shipped.attention, [](const auto& a, const auto& b) { return a.generation == b.generation; });
  std::sort(fitted.attention.begin(), fitted.attention.end(),
            [](const auto& a, const auto& b) { return a.generation < b.generation; });
  if (fitted.memory && shipped.memory) {
    fitted.memory->fit.note = shipped.memory->fit.note;
    for (double MemoryParameters::*kind : {&MemoryParameters::elementwise, &MemoryParameters::normalization,
                                           &MemoryParameters::softmax, &MemoryParameters::wide_normalization})
      if ((*fitted.memory).*kind == start.*kind)
        (*fitted.memory).*kind = (*shipped.memory).*kind;  // no sample moved it
  } else if (shipped.memory)
    fitted.memory = shipped.memory;
  fitted.sustained = shipped.sustained;
  fitted.energy = shipped.energy;
  fitted.events = shipped.events;
  fitted.unvalidated = shipped.unvalidated;
  fitted.sources = shipped.sources;
}

}  // namespace

namespace {

// Types that kernels of these boards were measured in.
std::set<DataType> types_of(const std::vector<measured::Row>& rows, const std::vector<std::string>& names) {
  std::set<DataType> types;
  for (const measured::Row& row : rows)
    if (std::ranges::count(names, row.accelerator) > 0)
      for (const Kernel& kernel : row.sample.kernels) types.insert(kernel.type);
  return types;
}

}  // namespace

std::vector<measured::Row> pooled(std::vector<measured::Row> rows, const std::vector<std::string>& names,
                                  const Library& library) {
  const std::set<DataType> types = types_of(rows, names);
  const auto figures = [&](const std::string& name) {
    const auto device = load_part<DeviceModel>("hardware/accelerators", name, library);
    std::vector<std::optional<FlopsPerSecond>> peaks;
    for (const DataType type : types) peaks.push_back(matrix_peak(device, type));
    return std::tuple(device.cores, peaks, vector_peak(device), memory_bandwidth(device));
  };
  for (const std::string& name : names) {
    if (figures(name) != figures(names.front()))
      throw SpecError(name, "", "cores, peaks and bandwidth of " + names.front() + ", to be pooled with it", "others");
    for (measured::Row& row : rows)
      if (row.accelerator == name) row.accelerator = names.front();
  }
  return rows;
}

Calibration complete(const DeviceFit& fit, const Library& library) {
  Calibration calibration = fit.calibration;
  keep_the_rest(calibration, fit_start(fit.device, library).memory.parameters, library);
  return calibration;
}

DeviceFit fit_device(const std::string& accelerator, const std::vector<measured::Row>& rows, const Library& library) {
  DeviceFit result;
  result.device = load_part<DeviceModel>("hardware/accelerators", accelerator, library);
  const DeviceCalibration start = fit_start(result.device, library);
  Calibration& fitted = result.calibration;
  fitted.name = accelerator;
  fitted.title = result.device.title;
  const auto products = samples_of(rows, accelerator, Group::gemm, true);
  for (std::size_t t = 0; t < data_type_names.size(); ++t)
    if (const auto samples = measured::of_type(products, static_cast<DataType>(t)); !samples.empty())
      fitted.gemm.push_back(fit_gemm(timed_device(result.device, Group::gemm), start, samples));
  const auto attention = samples_of(rows, accelerator, Group::attention, true);
  for (int generation = 1; generation <= 3; ++generation)
    if (const auto samples = measured::of_generation(attention, generation); !samples.empty())
      fitted.attention.push_back(fit_attention(result.device, start, samples));
  if (const auto samples = samples_of(rows, accelerator, Group::memory, true); !samples.empty())
    fitted.memory = fit_memory(result.device, start, samples);
  fitted.sources = {{"", provenance(fitted)}};
  return result;
}

}  // namespace orrery
