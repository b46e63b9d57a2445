#include "kernels/cost_models.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "kernels/energy.hpp"
#include "kernels/family_model.hpp"
#include "kernels/kernel_terms.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr double host_exponent = 3.5;  // q of the header

// ((G + C)^q + H^q)^(1/q) - C, exactly G when H is 0: the host launches on while the device spends C in collectives.
double with_host(double device_s, double host_s, double covered_s) {
  const double device = device_s + covered_s;
  const double large = std::max(device, host_s), small = std::min(device, host_s);
  if (host_s <= 0) return device_s;
  return large * std::pow(1 + std::pow(small / large, host_exponent), 1 / host_exponent) - covered_s;
}

// FNV-1a over the fields, not the bytes: a Kernel has padding.
std::uint64_t hash_of(DeviceTypeId device, std::span<const Kernel> kernels) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0x100000001b3u;
    hash ^= hash >> 29;
  };
  mix(device.value);
  for (const Kernel& k : kernels) {
    mix(static_cast<std::uint64_t>(k.kind) | static_cast<std::uint64_t>(k.type) << 8 |
        static_cast<std::uint64_t>(k.causal) << 16 | static_cast<std::uint64_t>(k.launches) << 24 |
        static_cast<std::uint64_t>(k.generation) << 40);
    mix(k.repeat);
    for (std::int64_t n : {k.m, k.n, k.k, k.batch, k.group}) mix(static_cast<std::uint64_t>(n));
    for (double x : {k.flops, k.bytes, k.host_s, k.covered_s}) mix(std::bit_cast<std::uint64_t>(x));
  }
  return hash;
}

struct Remembered {  // one sequence on one device type
  DeviceTypeId device;
  std::vector<Kernel> kernels;
  std::vector<KernelTerms> terms;
  double host_s = 0, covered_s = 0;
  OperatingPoint point;  // of `cost`
  Cost cost;
};

class ShippedCostModel final : public CostModel {
 public:
  ShippedCostModel(std::span<const DeviceModel> devices, std::vector<DeviceCalibration> calibrations,
                   Conditions conditions)
      : devices_(devices.begin(), devices.end()), calibrations_(std::move(calibrations)), conditions_(conditions) {
    ORRERY_CHECK(devices_.size() == calibrations_.size(), "{} devices, {} calibrations", devices_.size(),
                 calibrations_.size());
  }

  Cost sequence(DeviceTypeId device, std::span<const Kernel> kernels, const OperatingPoint& point) const override {
    Remembered& entry = remember(device, kernels);
    if (entry.point != point) {
      entry.cost = cost_of(entry, point);
      entry.point = point;
    }
    return entry.cost;
  }

  Seconds breakdown(DeviceTypeId device, std::span<const Kernel> kernels, const OperatingPoint& point,
                    std::vector<KernelCost>& costs) const override {
    const Remembered& entry = remember(device, kernels);
    costs.clear();
    double device_s = 0;
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      const Cost once = cost_at(entry.terms[i], point);
      const double repeats = kernels[i].repeat;
      costs.push_back(
          {{once.time * repeats, once.energy * repeats}, bound_of(entry.terms[i]), entry.terms[i].calibrated});
      device_s += once.time.value * repeats;
    }
    return Seconds(std::max(0.0, with_host(device_s, entry.host_s, entry.covered_s) - device_s));
  }

 private:
  static Cost cost_of(const Remembered& entry, const OperatingPoint& point) {
    Cost sum;
    for (std::size_t i = 0; i < entry.terms.size(); ++i) {
      const Cost once = cost_at(entry.terms[i], point);
      sum.time += once.time * entry.kernels[i].repeat;
      sum.energy += once.energy * entry.kernels[i].repeat;
    }
    sum.time = Seconds(with_host(sum.time.value, entry.host_s, entry.covered_s));
    return sum;
  }

  Remembered& remember(DeviceTypeId device, std::span<const Kernel> kernels) const {
    ORRERY_CHECK(device.valid() && device.index() < devices_.size(), "device type {} of {}", device.value,
                 devices_.size());
    const auto [first, last] = remembered_.equal_range(hash_of(device, kernels));
    for (auto i = first; i != last; ++i)
      if (i->second.device == device && std::ranges::equal(i->second.kernels, kernels)) return i->second;
    const DeviceModel& model = devices_[device.index()];
    const DeviceContext context{model, calibrations_[device.index()], conditions_};
    Remembered entry;
    entry.device = device;
    entry.kernels.assign(kernels.begin(), kernels.end());
    const FamilyModel family = family_model(model);
    for (const Kernel& kernel : kernels) {
      entry.terms.push_back(family(kernel, context));
      KernelTerms& terms = entry.terms.back();
      hold_to_limit(terms, context);
      if (power_sets_time(terms)) terms.calibrated = false;
      entry.host_s += kernel.host_s * kernel.repeat;
      entry.covered_s += kernel.covered_s * kernel.repeat;
    }
    entry.cost = cost_of(entry, entry.point);
    return remembered_.emplace(hash_of(device, kernels), std::move(entry))->second;
  }

  std::vector<DeviceModel> devices_;
  std::vector<DeviceCalibration> calibrations_;
  Conditions conditions_;
  mutable std::unordered_multimap<std::uint64_t, Remembered> remembered_;  // looked up, never walked
};

}  // namespace

std::unique_ptr<CostModel> make_cost_model(std::span<const DeviceModel> device_types, const Library& library,
                                           Conditions conditions) {
  std::vector<DeviceCalibration> calibrations;
  for (const DeviceModel& device : device_types) calibrations.push_back(resolve_calibration(device, library));
  return make_cost_model(device_types, std::move(calibrations), conditions);
}

std::unique_ptr<CostModel> make_cost_model(std::span<const DeviceModel> device_types,
                                           std::vector<DeviceCalibration> calibrations, Conditions conditions) {
  return std::make_unique<ShippedCostModel>(device_types, std::move(calibrations), conditions);
}

std::string calibration_note(const DeviceModel& device, const Library& library) {
  const DeviceCalibration calibration = resolve_calibration(device, library);
  std::string note;
  const auto add = [&note](const std::string& what, const std::string& from) {
    note += (note.empty() ? "" : "; ") + what + ": " + from;
  };
  for (std::size_t i = 0; i < data_type_names.size(); ++i)
    if (matrix_peak(device, static_cast<DataType>(i)))
      add("gemm " + std::string(data_type_names[i]), calibration.gemm[i].from);
  add("attention", calibration.attention.front().from);
  add("memory-bound", calibration.memory.from.empty() ? "built-in default" : calibration.memory.from);
  if (!calibration.unvalidated.empty()) add("UNVALIDATED", calibration.unvalidated);
  return note;
}

}  // namespace orrery
