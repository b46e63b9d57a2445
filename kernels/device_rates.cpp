#include "kernels/device_rates.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "sim/error.hpp"

namespace orrery {

double matrix_rate(const DeviceModel& device, DataType type) {
  if (const auto peak = matrix_peak(device, type)) return peak->value;
  std::string supported;
  for (std::size_t i = 0; i < data_type_names.size(); ++i)
    if (matrix_peak(device, static_cast<DataType>(i)))
      supported += (supported.empty() ? "" : ", ") + std::string(data_type_names[i]);
  if (supported.empty())
    throw SpecError(device.name, "/peak", "a device that computes matrix products", "no peak of any data type");
  throw SpecError(device.name, "/peak", "a data type that this device computes with: " + supported,
                  std::string(name(type)));
}

namespace {

std::optional<FlopsPerSecond> stated_vector_rate(const DeviceModel& device, DataType type) {
  return type == DataType::fp64 ? device.peak.fp64 : vector_peak(device);
}

}  // namespace

bool vector_rate_known(const DeviceModel& device, DataType type) {
  return stated_vector_rate(device, type).has_value();
}

double vector_rate(const DeviceModel& device, DataType type) {
  if (const auto peak = stated_vector_rate(device, type)) return peak->value;
  double largest = 0;
  for (std::size_t i = 0; i < data_type_names.size(); ++i)
    if (const auto peak = matrix_peak(device, static_cast<DataType>(i))) largest = std::max(largest, peak->value);
  return largest > 0 ? largest : std::numeric_limits<double>::infinity();
}

double memory_rate(const DeviceModel& device) {
  for (const auto& bandwidth : {memory_bandwidth(device), device.on_chip.l1_bandwidth, device.on_chip.l2_bandwidth})
    if (bandwidth) return bandwidth->value;
  throw SpecError(device.name, "/memory/bandwidth", "the bandwidth of device memory, or of on-chip memory", "none");
}

int core_count(const DeviceModel& device) {
  if (device.cores && *device.cores > 0) return *device.cores;
  throw SpecError(device.name, "/cores", "the number of cores that share the tiles of a matrix product", "none");
}

}  // namespace orrery
