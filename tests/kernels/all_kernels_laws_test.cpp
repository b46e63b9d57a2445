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
    const double peak = is_product(kernel) ? matrix_rate(device, kernel.type) : vector_rate(device, kernel.type);
    const bool sane = std::isfinite(cost.time.value) && cost.time.value > 0 &&
                      cost.time.value >= kernel.flops / peak * (1 - 1e-12) &&
                      cost.time.value >= kernel.bytes / memory_rate(device) * (1 - 1e-12) && cost.energy.value >= 0;
    if (!sane) FAIL_CHECK(said(device, form, sizes, type) << ": " << cost.time.value << " s, " << cost.energy.value);
  });
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
    if ((limit > 0 && held.energy.value > limit * held.time.value * (1 + 1e-12)) ||
        held.energy.value > isolated * (1 + 1e-12) || slower > held.energy.value * (1 + 1e-12))
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
      // Switches are no sizes; fewer rows per expert, or wider heads (which fill the units better), are no larger kernel.
      if (value <= 0 || grown == "causal" || grown == "generation" || grown == "experts" || grown == "busiest" ||
          grown == "head-dim" || grown == "kv-heads")
        continue;
      KernelSizes larger = sizes;
      const bool tiled = grown == "m" || grown == "n" || grown == "k" || grown.ends_with("channels") ||
                         grown.ends_with("positions");
      larger[grown] = tiled ? value + 256 : 2 * value;
      const double after = cost_of(device, calibration, build_kernel(form, larger, type).kernel).time.value;
      if (after < before * (1 - 1e-12))
        FAIL_CHECK(said(device, form, sizes, type) << ": " << before << " s, with more " << grown << " " << after);
    }
  });
}

TEST_CASE("no kernel on any device gets slower when a peak, a bandwidth or a clock rises") {
  const auto raised = [](auto... rates) {
    for (auto* rate : {rates...})
      if (*rate) **rate *= 1.3;
  };
  for (const Subject& subject : subjects()) {
    DeviceModel faster = subject.device, wider = subject.device;
    PeakRates& p = faster.peak;
    raised(&p.fp64, &p.fp64_matrix, &p.fp32, &p.fp32_matrix, &p.tf32, &p.bf16, &p.fp16, &p.fp8, &p.int8, &p.fp6,
           &p.fp4);
    raised(&wider.memory.bandwidth, &wider.on_chip.l1_bandwidth, &wider.on_chip.l2_bandwidth);
    // Calibrations as those devices would resolve them: what depends on a data sheet must not turn the law round.
    const auto resolved = [](const DeviceModel& device) { return resolve_calibration(device, Library::installed()); };
    const DeviceCalibration own = resolved(subject.device), of_faster = resolved(faster), of_wider = resolved(wider);
    RandomSizes random;
    for (const DataType type : subject.types)
      for (const Form& form : kernel_forms()) {
        const KernelSizes sizes = random.of(form);
        const Kernel kernel = build_kernel(form, sizes, type).kernel;
        const double nominal = cost_of(subject.device, own, kernel).time.value * (1 + 1e-12);
        if (cost_of(faster, of_faster, kernel).time.value > nominal ||
            cost_of(wider, of_wider, kernel).time.value > nominal ||
            cost_of(subject.device, own, kernel, {1.1, 1, 1}).time.value > nominal ||
            cost_of(subject.device, own, kernel, {1, 1.1, 1}).time.value > nominal)
          FAIL_CHECK(said(subject.device, form, sizes, type));
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
