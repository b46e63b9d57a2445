// Laws of physics and of arithmetic for every kernel that a user can ask for, on every shipped device, in every type that the
// device computes with, over seeded random sizes. A new kernel, device or calibration is subject to them when it is added.
#include <cmath>
#include <random>

#include <catch2/catch.hpp>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "kernels/shapes.hpp"
#include "scenarios/kernel_answer.hpp"
#include "scenarios/kernel_forms.hpp"
#include "sim/error.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

namespace {

using Form = CatalogEntry<KernelForm>;
const DeviceTypeId first{std::size_t{0}};

bool is_product(const Kernel& kernel) {
  return kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::convolution ||
         kernel.kind == KernelKind::attention || kernel.kind == KernelKind::attention_backward;
}

// Sizes of any kernel, from 1 to 8192, every other one a multiple of 64; what is small by nature stays small.
class RandomSizes {
 public:
  KernelSizes of(const Form& form) {
    KernelSizes sizes;
    for (const KernelSize& size : form.value.sizes) {
      const auto [it, added] = sizes.emplace(size.name, 0);
      double& value = it->second;
      if (size.name == "causal")
        value = static_cast<double>(random_() % 2);
      else if (size.name == "generation")
        value = static_cast<double>(1 + random_() % 3);
      else if (size.name == "head-dim")
        value = static_cast<double>(32 << random_() % 3);
      else if (size.name == "key-length")
        value = random_() % 2 == 0 ? 0 : dimension();
      else if (size.name == "heads" || size.name == "batch" || size.name == "copies" || size.name == "inputs")
        value = static_cast<double>(2 + random_() % 7);
      else if (size.otherwise && size.name != "neurons")
        value = *size.otherwise;
      else
        value = dimension();
    }
    if (sizes.contains("experts") && sizes.contains("rows"))
      sizes["experts"] = std::min(sizes["experts"], sizes["rows"]);
    if (sizes.contains("experts") && sizes.contains("copies"))  // as many are chosen, and twice as many when they grow
      sizes["experts"] = std::max(sizes["experts"], 2 * sizes["copies"]);
    if (sizes.contains("non-zeros")) {  // of a square matrix, also when they grow
      sizes["rows"] = std::max(sizes["rows"], 2.0);
      sizes["non-zeros"] = std::min(sizes["non-zeros"], std::floor(sizes["rows"] * sizes["rows"] / 2));
    }
    return sizes;
  }

 private:
  double dimension() {
    const double size = std::floor(std::exp2(std::uniform_real_distribution<double>(0, 13)(random_)));
    return random_() % 2 == 0 ? std::ceil(size / 64) * 64 : size;
  }
  std::mt19937 random_{20261123};
};

struct Subject {
  std::string name;
  DeviceModel device;
  std::vector<DataType> types;
};

bool has_bandwidth(const DeviceModel& device) {
  return device.memory.bandwidth || device.on_chip.l1_bandwidth || device.on_chip.l2_bandwidth;
}

// Every shipped device that has a bandwidth and a rate: what the models need at least.
const std::vector<Subject>& subjects() {
  static const auto all = [] {
    std::vector<Subject> found;
    for (const auto& name : test::shipped_names()) {
      Subject subject{name, test::shipped(name), {}};
      for (std::size_t i = 0; i < data_type_names.size(); ++i)
        if (matrix_peak(subject.device, static_cast<DataType>(i))) subject.types.push_back(static_cast<DataType>(i));
      if (has_bandwidth(subject.device) && !subject.types.empty()) found.push_back(subject);
    }
    return found;
  }();
  return all;
}

// `check` sees every subject, type and form with a few random sizes.
template <class Check> void for_each_kernel(int shapes, const Check& check) {
  for (const Subject& subject : subjects()) {
    const DeviceCalibration calibration = resolve_calibration(subject.device, Library::installed());
    RandomSizes random;
    for (const DataType type : subject.types)
      for (const Form& form : kernel_forms())
        for (int i = 0; i < shapes; ++i) check(subject.device, calibration, form, random.of(form), type);
  }
}

std::string said(const DeviceModel& device, const Form& form, const KernelSizes& sizes, DataType type) {
  std::string text = device.name + " " + std::string(form.name) + " " + std::string(name(type));
  for (const auto& [size, value] : sizes) text += " " + size + "=" + std::to_string(static_cast<std::int64_t>(value));
  return text;
}

Cost cost_of(const DeviceModel& device, const DeviceCalibration& calibration, const Kernel& kernel,
             OperatingPoint point = {}, Conditions conditions = Conditions::isolated) {
  return make_cost_model(std::vector{device}, std::vector{calibration}, conditions)
      ->sequence(first, {&kernel, 1}, point);
}

}  // namespace

TEST_CASE("every kernel on every device and type stays under peak and bandwidth") {
  REQUIRE(subjects().size() >= 50);
  for_each_kernel(4, [](const DeviceModel& device, const DeviceCalibration& calibration, const Form& form,
                        const KernelSizes& sizes, DataType type) {
    const Kernel kernel = build_kernel(form, sizes, type).kernel;
    const Cost cost = cost_of(device, calibration, kernel);
    if (!is_product(kernel)) CHECK(std::isfinite(vector_rate(device, kernel.type)));
    const double peak = is_product(kernel) ? matrix_rate(device, kernel.type) : vector_rate(device, kernel.type);
    const bool sane = std::isfinite(cost.time.value) && cost.time.value > 0 &&
                      cost.time.value >= kernel.flops / peak * (1 - 1e-12) &&
                      cost.time.value >= kernel.bytes / memory_rate(device) * (1 - 1e-12) && cost.energy.value >= 0;
    if (!sane) FAIL_CHECK(said(device, form, sizes, type) << ": " << cost.time.value << " s, " << cost.energy.value);
  });
}

TEST_CASE("arithmetic without end stays under the vector rate, which is known to be no more than a matrix unit's") {
  for (const Subject& subject : subjects()) {
    INFO(subject.name);
    double largest = 0;
    for (const DataType type : subject.types) largest = std::max(largest, matrix_rate(subject.device, type));
    const DeviceCalibration calibration = resolve_calibration(subject.device, Library::installed());
    for (const DataType type : subject.types) {
      const double elements = 1 << 20;
      const Kernel kernel = elementwise(1 << 20, 4 * elements, 1e6 * elements, type);
      const double rate = kernel.flops / cost_of(subject.device, calibration, kernel).time.value;
      CHECK(rate <= vector_rate(subject.device, type) * (1 + 1e-12));
      CHECK(rate <= largest * (1 + 1e-12));
      if (!vector_rate_known(subject.device, type)) {
        CHECK(vector_rate(subject.device, type) == largest);
        const auto costs = make_cost_model(std::vector{subject.device}, Library::installed());
        std::vector<KernelCost> parts;
        costs->breakdown(first, {&kernel, 1}, {}, parts);
        CHECK_FALSE(parts.at(0).calibrated);
      }
    }
  }
}

TEST_CASE(
    "vector units that compute no products state their own rate: no TPU, Gaudi or Trainium runs on its matrix peak") {
  int stated = 0;
  for (const Subject& subject : subjects()) {
    const PeakRates& peak = subject.device.peak;
    if (!subject.name.starts_with("google-tpu") && !subject.name.starts_with("intel-gaudi") &&
        !subject.name.starts_with("aws-trainium"))
      continue;
    INFO(subject.name);
    REQUIRE(peak.vector);
    CHECK(peak.vector->value < 0.1 * peak.bf16->value);
    ++stated;
  }
  CHECK(stated == 10);
}

TEST_CASE(
    "long runs of every kernel on every device and type keep the power limit, and a lower clock costs no energy") {
  for_each_kernel(2, [](const DeviceModel& device, const DeviceCalibration& calibration, const Form& form,
                        const KernelSizes& sizes, DataType type) {
    const Kernel kernel = build_kernel(form, sizes, type).kernel;
    const Cost held = cost_of(device, calibration, kernel, {}, Conditions::sustained);
    const double isolated = cost_of(device, calibration, kernel).energy.value,
                 slower = cost_of(device, calibration, kernel, {0.9, 1, 1}, Conditions::sustained).energy.value;
    const double limit = device.power.tdp ? device.power.tdp->value : 0;
    const bool alike = !test::cut_by_rates(device, kernel);
    if ((limit > 0 && held.energy.value > limit * held.time.value * (1 + 1e-12)) ||
        (alike && held.energy.value > isolated * (1 + 1e-12)) || slower > held.energy.value * (1 + 1e-12))
      FAIL_CHECK(said(device, form, sizes, type) << ": " << held.energy.value << " J in " << held.time.value << " s, "
                                                 << isolated << " J isolated, " << slower << " J at 0.9 of the clock");
    const bool known = energy_source(device, calibration, kernel.kind) != EnergySource::unknown;
    if (known != (held.energy.value > 0)) FAIL_CHECK(said(device, form, sizes, type) << ": energy not as known");
  });
}

TEST_CASE("no kernel on any device gets faster when one of its sizes grows by a tile") {
  for_each_kernel(2, [](const DeviceModel& device, const DeviceCalibration& calibration, const Form& form,
                        const KernelSizes& sizes, DataType type) {
    const double before = cost_of(device, calibration, build_kernel(form, sizes, type).kernel).time.value;
    for (const auto& [grown, value] : sizes) {
      // Switches are no sizes; fetches are at most the elements of a column; fewer rows per expert are no larger kernel.
      if (value <= 0 || grown == "causal" || grown == "generation" || grown == "experts" || grown == "busiest" ||
          grown == "kv-heads" || grown == "fetches")
        continue;
      KernelSizes larger = sizes;
      const bool tiled = grown == "m" || grown == "n" || grown == "k" || grown == "sequence" || grown == "key-length" ||
                         grown == "head-dim" || grown.ends_with("channels") || grown.ends_with("positions");
      larger[grown] = tiled ? value + 256 : 2 * value;
      const double after = cost_of(device, calibration, build_kernel(form, larger, type).kernel).time.value;
      if (after < before * (1 - 1e-12))
        FAIL_CHECK(said(device, form, sizes, type) << ": " << before << " s, with more " << grown << " " << after);
    }
  });
}

TEST_CASE("no kernel on any device, cool or in a long run, gets slower when one peak, bandwidth or clock rises") {
  using Peak = std::optional<FlopsPerSecond> PeakRates::*;
  constexpr Peak peaks[] = {&PeakRates::fp64, &PeakRates::fp64_matrix, &PeakRates::fp32, &PeakRates::fp32_matrix,
                            &PeakRates::tf32, &PeakRates::bf16,        &PeakRates::fp16, &PeakRates::fp8,
                            &PeakRates::int8, &PeakRates::fp6,         &PeakRates::fp4};
  const auto raised = [](auto& rate, double by) { return rate ? (*rate *= by, true) : false; };
  for (const Subject& subject : subjects()) {
    // Calibrations as those devices would resolve them: what depends on a data sheet must not turn the law round.
    std::vector<std::pair<std::string, DeviceModel>> better;
    for (const double by : {1.001, 1.3, 2.2}) {  // 2.2: beyond the rate of the next narrower type
      for (std::size_t i = 0; i < std::size(peaks); ++i) {
        DeviceModel device = subject.device;
        if (raised(device.peak.*peaks[i], by)) better.emplace_back("peak " + std::to_string(i), device);
      }
      DeviceModel wider = subject.device, quicker = subject.device;
      if (raised(wider.memory.bandwidth, by) | raised(wider.on_chip.l1_bandwidth, by) |
          raised(wider.on_chip.l2_bandwidth, by))
        better.emplace_back("bandwidth", wider);
      if (raised(quicker.clock, by)) better.emplace_back("clock", quicker);
    }
    std::vector<std::pair<std::string, Kernel>> kernels;
    RandomSizes random;
    for (const DataType type : subject.types)
      for (const Form& form : kernel_forms()) {
        const KernelSizes sizes = random.of(form);
        kernels.emplace_back(said(subject.device, form, sizes, type), build_kernel(form, sizes, type).kernel);
      }
    for (const Conditions conditions : {Conditions::isolated, Conditions::sustained}) {
      const auto model = [&](const DeviceModel& device) {
        return make_cost_model(std::vector{device}, Library::installed(), conditions);
      };
      const auto seconds = [](const CostModel& costs, const Kernel& kernel, const OperatingPoint& point = {}) {
        return costs.sequence(first, {&kernel, 1}, point).time.value;
      };
      const auto nominal = model(subject.device);
      const auto check = [&](const std::string& rise, const CostModel& costs, const OperatingPoint& point) {
        for (const auto& [text, kernel] : kernels)
          if (seconds(costs, kernel, point) > seconds(*nominal, kernel) * (1 + 1e-12))
            FAIL_CHECK(text << " with more of " << rise << (conditions == Conditions::isolated ? ", cool" : ", long"));
      };
      check("core clock", *nominal, {1.1, 1, 1});
      check("memory clock", *nominal, {1, 1.1, 1});
      for (const auto& [rise, device] : better) check(rise, *model(device), {});
    }
  }
}

TEST_CASE("a type that a device lacks is an error that names those it has, for every device") {
  for (const Subject& subject : subjects()) {
    const auto costs = make_cost_model(std::vector{subject.device}, Library::installed());
    for (std::size_t i = 0; i < data_type_names.size(); ++i) {
      const auto type = static_cast<DataType>(i);
      if (matrix_peak(subject.device, type)) continue;
      INFO(subject.name << " " << data_type_names[i]);
      const Kernel kernel = gemm(64, 64, 64, type);
      std::string message;
      try {
        costs->sequence(first, {&kernel, 1}, {});
      } catch (const SpecError& error) {
        message = error.what();
      }
      for (const std::string& supported : supported_types(subject.device))
        CHECK(message.find(supported) != std::string::npos);
    }
  }
}

}  // namespace orrery
