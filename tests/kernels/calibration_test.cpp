// Look-up order of calibrations, and what shipped files must say.
#include "kernels/calibration.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "kernels/calibrate.hpp"
#include "kernels/cost_models.hpp"
#include "kernels/expert_shapes.hpp"
#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

namespace {

const GemmParameters& gemm_of(const DeviceCalibration& calibration, DataType type) {
  return calibration.gemm[static_cast<std::size_t>(type)].parameters;
}

// A library with one GEMM entry per named file, told apart by efficiency.
class Files {
 public:
  Files() : folder_(std::filesystem::temp_directory_path() / fmt::format("orrery-calibration-{}", ::getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "kernels/calibration");
  }
  ~Files() { std::filesystem::remove_all(folder_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  void add(const std::string& name, const std::string& type, double efficiency) const {
    std::ofstream(folder_ / "kernels/calibration" / (name + ".json"))
        << R"({"name": ")" << name << R"(", "title": "t", "gemm": [{"type": ")" << type << R"(", "efficiency": )"
        << efficiency
        << R"(, "memory_efficiency": 0.8, "launch": "1 us", "k_overhead": 100, "tile_cost": 10, "fit": {"samples": 9, "median_error": 0.05}}], )"
        << R"("sources": {"": "test"}})";
  }
  void add_device(const DeviceModel& device) const {
    std::filesystem::create_directories(folder_ / "hardware/accelerators");
    std::ofstream(folder_ / "hardware/accelerators" / (device.name + ".json")) << write_spec(device).dump();
  }
  Library library() const { return Library({folder_}); }

 private:
  std::filesystem::path folder_;
};

DeviceModel device_named(const std::string& name) {
  DeviceModel device = test::plain_gpu();
  device.name = name;
  device.generation = "testing";
  device.peak.fp8 = FlopsPerSecond(200e12);
  return device;
}

}  // namespace

TEST_CASE("calibrations are looked up by device, then generation, then family") {
  Files files;
  const DeviceModel device = device_named("mine");
  CHECK(resolve_calibration(device, files.library()).gemm[0].from == "built-in default");
  files.add("family-gpu", "fp16", 0.3);
  CHECK(gemm_of(resolve_calibration(device, files.library()), DataType::fp16).efficiency == 0.3);
  files.add("generation-testing", "fp16", 0.4);
  auto found = resolve_calibration(device, files.library());
  CHECK(gemm_of(found, DataType::fp16).efficiency == 0.4);
  CHECK_FALSE(found.gemm[static_cast<std::size_t>(DataType::fp16)].calibrated);
  files.add("mine", "fp16", 0.5);
  found = resolve_calibration(device, files.library());
  CHECK(gemm_of(found, DataType::fp16).efficiency == 0.5);
  CHECK(found.gemm[static_cast<std::size_t>(DataType::fp16)].calibrated);
  CHECK(found.gemm[static_cast<std::size_t>(DataType::fp16)].from == "of this device");
}

TEST_CASE("types of one width share an entry, and a narrower one scales the overheads and is not called calibrated") {
  Files files;
  files.add("mine", "fp16", 0.5);
  const auto found = resolve_calibration(device_named("mine"), files.library());
  CHECK(gemm_of(found, DataType::bf16).k_overhead == 100);
  CHECK(found.gemm[static_cast<std::size_t>(DataType::bf16)].calibrated);
  CHECK(gemm_of(found, DataType::fp8).efficiency == 0.5);
  CHECK(gemm_of(found, DataType::fp8).k_overhead == Approx(100 * std::pow(2, 0.7)));
  CHECK_FALSE(found.gemm[static_cast<std::size_t>(DataType::fp8)].calibrated);
}

TEST_CASE("a peak that is a little off changes that rate and nothing of the calibration") {
  const Library library = Library::installed();
  const DeviceModel device = test::shipped("nvidia-h100-sxm5-80gb");
  const DeviceCalibration as_shipped = resolve_calibration(device, library);
  DeviceModel other = device;
  for (const auto peak : {&PeakRates::bf16, &PeakRates::fp16, &PeakRates::fp8, &PeakRates::int8, &PeakRates::tf32}) {
    *(other.peak.*peak) *= 1.001;
    const DeviceCalibration found = resolve_calibration(other, library);
    for (std::size_t i = 0; i < data_type_names.size(); ++i) {
      INFO(data_type_names[i]);
      CHECK(found.sustained[i] == as_shipped.sustained[i]);
      CHECK(found.gemm[i].calibrated == as_shipped.gemm[i].calibrated);
      CHECK(found.gemm[i].parameters.efficiency == as_shipped.gemm[i].parameters.efficiency);
      CHECK(found.gemm[i].parameters.k_overhead == as_shipped.gemm[i].parameters.k_overhead);
    }
  }
}

TEST_CASE("boards of one chip under one limit sustain the same of every type") {
  const auto h100 = resolve_calibration(test::shipped("nvidia-h100-sxm5-80gb"), Library::installed());
  const auto h200 = resolve_calibration(test::shipped("nvidia-h200-sxm-141gb"), Library::installed());
  CHECK(h200.sustained == h100.sustained);
}

TEST_CASE("the sustained fraction of a type comes from the entry that its products come from") {
  const auto found = resolve_calibration(test::shipped("nvidia-h100-sxm5-80gb"), Library::installed());
  const auto of = [&](DataType type) { return found.sustained[static_cast<std::size_t>(type)]; };
  CHECK(of(DataType::fp16) == of(DataType::bf16));
  CHECK(of(DataType::tf32) == of(DataType::bf16));
  CHECK(of(DataType::int8) == of(DataType::fp8));
  CHECK(of(DataType::fp32) == 1);  // on other units
}

TEST_CASE("fp32 products, on vector units, say nothing of narrow types") {
  Files files;
  files.add("mine", "fp32", 0.5);
  files.add("family-gpu", "fp16", 0.3);
  const auto found = resolve_calibration(device_named("mine"), files.library());
  CHECK(gemm_of(found, DataType::fp32).efficiency == 0.5);
  CHECK(gemm_of(found, DataType::fp16).efficiency == 0.3);
}

TEST_CASE("an efficiency above 1 is a fault of the file") {
  Files files;
  files.add("mine", "fp16", 1.2);
  CHECK_THROWS_AS(resolve_calibration(device_named("mine"), files.library()), SpecError);
}

TEST_CASE("every shipped calibration reads, is named after its file, cites sources and explains what was not fitted") {
  const Library library = Library::installed();
  const auto names = library.names("kernels/calibration");
  REQUIRE(names.size() >= 20);
  for (const auto& name : names) {
    if (name == "collectives" || name == "bands") continue;  // formats of their own
    INFO(name);
    const auto calibration = load_part<Calibration>("kernels/calibration", name, library);
    CHECK(calibration.name == name);
    CHECK_FALSE(calibration.title.empty());
    CHECK(calibration.sources.is_object());
    CHECK_FALSE(calibration.sources.empty());
    for (const auto& gemm : calibration.gemm) CHECK((!gemm.fit.files.empty() || !gemm.fit.note.empty()));
    for (const auto& attention : calibration.attention)
      CHECK((!attention.fit.files.empty() || !attention.fit.note.empty()));
    for (const auto& sustained : calibration.sustained) CHECK_FALSE(sustained.note.empty());
    if (!name.starts_with("generation-") && !name.starts_with("family-"))
      CHECK_FALSE(library.find("hardware/accelerators", name).empty());
  }
}

TEST_CASE("every shipped device resolves to parameters of its own, its generation or its family") {
  for (const auto& name : test::shipped_names()) {
    INFO(name);
    const DeviceModel device = test::shipped(name);
    const auto found = resolve_calibration(device, Library::installed());
    for (std::size_t i = 0; i < data_type_names.size(); ++i)
      if (matrix_peak(device, static_cast<DataType>(i))) CHECK(found.gemm[i].from != "built-in default");
    CHECK_FALSE(found.attention.empty());
    CHECK_FALSE(found.memory.from.empty());
    CHECK_FALSE(calibration_note(device, Library::installed()).empty());
  }
}

TEST_CASE("power-limited boards sustain less of the same chip") {
  const auto sustained = [](const std::string& name) {
    return resolve_calibration(test::shipped(name), Library::installed())
        .sustained[static_cast<std::size_t>(DataType::bf16)];
  };
  CHECK(sustained("nvidia-h200-sxm-141gb") == sustained("nvidia-h100-sxm5-80gb"));  // one chip, one limit
  CHECK(sustained("nvidia-a100-sxm4-80gb") > 0.9);
  CHECK(sustained("nvidia-h100-sxm-hbm2e-96gb") < sustained("nvidia-h100-sxm5-80gb"));
  CHECK(sustained("nvidia-h100-sxm5-80gb") < 1);
}

TEST_CASE("another type of a device's family says more than the same type of all families") {
  DeviceModel device = test::shipped("amd-mi100");  // bf16 at half the rate of fp16
  device.name = device.generation = "unknown";
  CHECK(resolve_calibration(device, Library::installed()).gemm[static_cast<std::size_t>(DataType::bf16)].from ==
        "family default");
}

TEST_CASE("what a power limit allows and what a board sustains under it are not multiplied") {
  const auto at = static_cast<std::size_t>(DataType::bf16);
  const auto chip = resolve_calibration(test::shipped("nvidia-h100-sxm5-80gb"), Library::installed());
  const auto board = resolve_calibration(test::shipped("nvidia-h100-pcie-80gb"), Library::installed());
  REQUIRE(board.gemm[at].from.ends_with("held by the power limit"));
  CHECK(board.gemm[at].parameters.efficiency < chip.gemm[at].parameters.efficiency);
  CHECK(board.gemm[at].parameters.efficiency * board.sustained[at] ==
        Approx(chip.gemm[at].parameters.efficiency * 0.5));  // the fraction in its file
}

TEST_CASE("a fit covers kernels of the kinds and sizes of its samples and no others") {
  Fit fit;
  fit.smallest = 512;
  fit.largest = 16384;
  fit.narrowest = 64;
  fit.widest = 128;
  CHECK_FALSE(fit_covers(fit, attention(512, 512, 64, 2, 8, 8, true, DataType::fp16, 2)));  // no kind was sampled
  fit.kernels = {"attention"};
  CHECK_FALSE(fit_covers(fit, attention_backward(512, 512, 64, 2, 8, 8, true, DataType::fp16, 2)));
  const auto attend = [](std::int64_t sequence, std::int64_t head) {
    return attention(sequence, sequence, head, 2, 8, 8, true, DataType::fp16, 2);
  };
  CHECK(fit_covers(fit, attend(512, 64)));
  CHECK(fit_covers(fit, attend(16384, 128)));
  CHECK_FALSE(fit_covers(fit, attend(256, 64)));
  CHECK_FALSE(fit_covers(fit, attend(1'000'000, 128)));
  CHECK_FALSE(fit_covers(fit, attend(2048, 512)));
  CHECK(fit_covers(fit, gemm(512, 512, 16384, DataType::fp16)));
  CHECK_FALSE(fit_covers(fit, gemm(512, 512, 16385, DataType::fp16)));
  CHECK_FALSE(fit_covers(fit, gemm(511, 512, 512, DataType::fp16)));
  CHECK_FALSE(fit_covers(fit, convolution(4096, 512, 9, 512, 4096, DataType::fp16)));
  CHECK_FALSE(fit_covers(fit, attention(2048, 2048, 128, 2, 8, 8, true, DataType::fp8, 2)));
  CHECK(fit_covers(fit, attention(2048, 2048, 128, 2, 8, 8, true, DataType::bf16, 2)));
  fit.types = {DataType::fp8};
  CHECK(fit_covers(fit, attention(2048, 2048, 128, 2, 8, 8, true, DataType::fp8, 2)));
  CHECK_FALSE(fit_covers(fit, attention(2048, 2048, 128, 2, 8, 8, true, DataType::bf16, 2)));
  fit.smallest = 1'000'000;
  fit.kernels = {"elementwise", "softmax"};
  CHECK(fit_covers(fit, elementwise(1'000'000, 4e6, 0, DataType::fp16)));
  CHECK(fit_covers(fit, memory_copy(1e9)));
  CHECK(fit_covers(fit, optimizer_step(1e9, 28, 1)));
  CHECK(fit_covers(fit, softmax(4096, 4096, 4, DataType::fp16)));
  CHECK_FALSE(fit_covers(fit, elementwise(100, 400, 0, DataType::fp16)));
  CHECK_FALSE(fit_covers(fit, normalization(4096, 4096, 4, DataType::fp16)));
  CHECK_FALSE(fit_covers(fit, fft(1 << 20, 64, 1, DataType::fp64)));
  CHECK_FALSE(fit_covers(fit, routing(1 << 20, 4096, 2, DataType::fp16)));
}

TEST_CASE(
    "a fit of products says how short, long and deep they were and how much they computed, and covers no others") {
  const std::vector<KernelSample> samples = {{{gemm(4096, 16, 512, DataType::fp16)}, 1e-3, 0, "a"},
                                             {{gemm(128, 1024, 65536, DataType::fp16)}, 1e-3, 0, "a"}};
  const std::vector<double> residuals = {0, 0};
  const Fit fit = describe_fit(samples, residuals);
  CHECK(fit_covers(fit, gemm(16, 4096, 512, DataType::fp16)));
  CHECK(fit_covers(fit, gemm(64, 2048, 4096, DataType::fp16)));
  CHECK_FALSE(fit_covers(fit, gemm(4096, 4096, 512, DataType::fp16)));   // no sample was as wide both ways
  CHECK_FALSE(fit_covers(fit, gemm(16, 65536, 512, DataType::fp16)));    // as long a side only along k
  CHECK_FALSE(fit_covers(fit, gemm(128, 4096, 65536, DataType::fp16)));  // more work than any
  CHECK_FALSE(fit_covers(fit, gemm(64, 2048, 16, DataType::fp16)));
}

TEST_CASE("a fit of attention covers the work and the sharing of keys of its samples, one of products their batches") {
  const auto attend = [](std::int64_t heads, std::int64_t kv_heads) {
    return attention(2048, 2048, 128, 2, heads, kv_heads, false, DataType::fp16, 2);
  };
  const std::vector<double> residual = {0.1};
  const Fit plain = describe_fit(std::vector<KernelSample>{{{attend(16, 16)}, 1e-3, 0, "a"}}, residual);
  CHECK(fit_covers(plain, attend(16, 16)));
  CHECK_FALSE(fit_covers(plain, attend(1, 1)));   // a sixteenth of the work: other waves, keys split
  CHECK_FALSE(fit_covers(plain, attend(16, 4)));  // heads that share keys
  const Fit shared = describe_fit(std::vector<KernelSample>{{{attend(16, 4)}, 1e-3, 0, "a"}}, residual);
  CHECK(fit_covers(shared, attend(16, 4)));
  CHECK_FALSE(fit_covers(shared, attend(16, 16)));
  CHECK_FALSE(plain.together);
  const Fit both = describe_fit(
      std::vector<KernelSample>{
          {{attend(16, 16), attention_backward(2048, 2048, 128, 2, 16, 16, false, DataType::fp16, 2)}, 1e-3, 0, "a"}},
      residual);
  CHECK(both.together);
  const Kernel alone = gemm(4096, 4096, 4096, DataType::fp16), batched = gemm(4096, 4096, 4096, DataType::fp16, 8);
  const Fit products = describe_fit(std::vector<KernelSample>{{{alone}, 1e-3, 0, "a"}}, residual);
  CHECK(fit_covers(products, alone));
  CHECK_FALSE(fit_covers(products, gemm(4096, 4096, 512, DataType::fp16, 8)));
  const Fit batches = describe_fit(std::vector<KernelSample>{{{alone}, 1e-3, 0, "a"}, {{batched}, 1e-3, 0, "a"}},
                                   std::vector<double>{0.1, 0.1});
  CHECK(fit_covers(batches, gemm(4096, 4096, 4096, DataType::fp16, 4)));
  CHECK_FALSE(
      fit_covers(batches, grouped_gemm(4 * 4096, 4, 5000, 4096, 4096, DataType::fp16)));  // uneven: none was timed
}

TEST_CASE("a device that a user's library puts in the place of a shipped one is not the one that was measured") {
  const Files files;
  DeviceModel device = test::shipped("nvidia-a100-sxm4-80gb");
  const auto calibrated = [](const DeviceModel& model, const Library& library) {
    return resolve_calibration(model, library).memory.calibrated;
  };
  std::vector<std::filesystem::path> folders = files.library().folders();
  const auto installed = Library::installed().folders();
  folders.insert(folders.end(), installed.begin(), installed.end());
  const Library library(folders);
  CHECK(calibrated(device, library));
  *device.memory.bandwidth *= 3.0;
  files.add_device(device);
  REQUIRE(load_part<DeviceModel>("hardware/accelerators", device.name, library).memory.bandwidth ==
          device.memory.bandwidth);
  CHECK_FALSE(calibrated(device, library));
  files.add(device.name, "fp16", 0.5);  // until the same library has a calibration of its own
  CHECK(resolve_calibration(device, library).gemm[static_cast<std::size_t>(DataType::fp16)].calibrated);
}

TEST_CASE("only what was measured on a device is called calibrated there") {
  const DeviceModel device = test::shipped("nvidia-a100-sxm4-80gb");
  const auto costs = make_cost_model({&device, 1}, Library::installed());
  const auto calibrated = [&](const Kernel& kernel) {
    std::vector<KernelCost> parts;
    costs->breakdown(DeviceTypeId(std::size_t{0}), {&kernel, 1}, {}, parts);
    return parts.at(0).calibrated;
  };
  const auto attend = [](std::int64_t sequence, std::int64_t head) {
    return attention(sequence, sequence, head, 2, 16, 16, true, DataType::fp16, 2);
  };
  CHECK(calibrated(attend(4096, 128)));
  CHECK_FALSE(calibrated(attend(1'000'000, 128)));
  CHECK_FALSE(calibrated(attend(4096, 512)));
  CHECK(calibrated(gemm(4096, 4096, 4096, DataType::fp16)));
  CHECK(calibrated(gemm(4096, 4096, 4096, DataType::bf16)));
  CHECK(calibrated(softmax(65536, 4096, 4, DataType::fp16)));
  CHECK_FALSE(calibrated(gemm(4096, 4096, 4096, DataType::int8)));
  CHECK_FALSE(calibrated(convolution(1 << 16, 512, 9, 512, 1 << 16, DataType::fp16)));
  CHECK_FALSE(calibrated(attention(4096, 4096, 128, 2, 16, 16, true, DataType::int8, 2)));
  CHECK_FALSE(calibrated(attention(4096, 4096, 128, 2, 16, 16, true, DataType::fp16, 3)));  // none was timed there
  for (const Kernel& kernel :
       {fft(1 << 20, 64, 1, DataType::fp64), stencil(1 << 28, 7, DataType::fp64),
        sparse_matrix_vector(1 << 22, 1 << 26, DataType::fp64), spiking_step(1 << 24, 1e9, DataType::fp32),
        quantize(1 << 28, DataType::bf16, DataType::int8), routing(1 << 18, 4096, 2, DataType::bf16)}) {
    INFO(name(kernel.kind));
    CHECK_FALSE(calibrated(kernel));
  }
}

namespace {

bool is_calibrated(const DeviceModel& device, const Kernel& kernel) {
  const auto costs = make_cost_model({&device, 1}, Library::installed());
  std::vector<KernelCost> parts;
  costs->breakdown(DeviceTypeId(std::size_t{0}), {&kernel, 1}, {}, parts);
  return parts.at(0).calibrated;
}

}  // namespace

TEST_CASE("forward attention says nothing of backward: on Hopper the third generation was timed forward only") {
  const DeviceModel h100 = test::shipped("nvidia-h100-sxm5-80gb");
  const auto ask = [&](auto shape, int generation) {
    return is_calibrated(h100, shape(4096, 4096, 128, 4, 16, 16, false, DataType::bf16, generation));
  };
  CHECK(ask(attention, 3));
  CHECK_FALSE(ask(attention_backward, 3));
  CHECK(ask(attention, 2));
  CHECK(ask(attention_backward, 2));
}

TEST_CASE("an entry that states no residuals, or hangs on few samples, is no fit of its device") {
  const auto calibrated = [](const char* name, const Kernel& kernel) {
    return is_calibrated(test::shipped(name), kernel);
  };
  const Kernel fp8 = gemm(4096, 4096, 7168, DataType::fp8);
  CHECK(calibrated("nvidia-h100-sxm5-80gb", fp8));
  for (const char* name : {"nvidia-b200-sxm-180gb", "nvidia-b300-sxm", "nvidia-gb200-nvl72", "nvidia-gb300-nvl72"})
    CHECK_FALSE(calibrated(name, fp8));
  CHECK_FALSE(calibrated("nvidia-h100-sxm5-80gb", gemm(8192, 8192, 8192, DataType::bf16)));
  CHECK_FALSE(calibrated("nvidia-h100-sxm5-80gb", elementwise(1'000'000'000, 4e9, 0, DataType::fp16)));
  Fit fit;
  fit.samples = 54;
  CHECK(fit_shortfall(fit) == "set by hand, not fitted");
  fit.median_error = 0.01;
  CHECK(fit_shortfall(fit).empty());
  fit.samples = 4;
  CHECK(fit_shortfall(fit) == "too few samples (4)");
}

TEST_CASE("a device whose silicon was changed under its old name is another one, a board with another limit is not") {
  const DeviceModel shipped = test::shipped("nvidia-a100-sxm4-80gb");
  const Kernel product = gemm(4096, 4096, 4096, DataType::fp16);
  REQUIRE(is_calibrated(shipped, product));
  const auto after = [&](auto change) {
    DeviceModel device = shipped;
    change(device);
    return is_calibrated(device, product);
  };
  CHECK_FALSE(after([](DeviceModel& d) { d.memory.bandwidth = 2 * *d.memory.bandwidth; }));
  CHECK_FALSE(after([](DeviceModel& d) { d.cores = *d.cores + 1; }));
  CHECK_FALSE(after([](DeviceModel& d) { d.clock = 1.1 * *d.clock; }));
  CHECK_FALSE(after([](DeviceModel& d) { d.peak.fp16 = 2 * *d.peak.fp16; }));
  CHECK_FALSE(after([](DeviceModel& d) { d.on_chip.l1_per_core = Bytes(1e6); }));
  CHECK(after([](DeviceModel& d) { d.power.tdp = Watts(390); }));
  CHECK(after([](DeviceModel& d) { d.price.reset(); }));
  DeviceModel faster = shipped;
  faster.memory.bandwidth = 2 * *faster.memory.bandwidth;
  const auto found = resolve_calibration(faster, Library::installed());
  CHECK(found.memory.parameters.elementwise ==
        resolve_calibration(shipped, Library::installed()).memory.parameters.elementwise);
}

TEST_CASE("a fit of attention or memory-bound kernels says what its samples were") {
  const std::vector<KernelSample> samples = {
      {{attention(512, 2048, 64, 2, 8, 8, true, DataType::fp16, 2)}, 1e-3, 0, "a"},
      {{attention(4096, 4096, 128, 2, 8, 8, true, DataType::fp16, 2)}, 1e-3, 0, "a"}};
  const std::vector<double> residuals = {0, 0};
  Fit fit = describe_fit(samples, residuals);
  CHECK(fit.smallest == 512);
  CHECK(fit.largest == 4096);
  CHECK(fit.narrowest == 64);
  CHECK(fit.widest == 128);
  CHECK(fit.types == std::vector{DataType::fp16});
  CHECK(fit.kernels == std::vector<std::string>{"attention"});
  const std::vector<KernelSample> streams = {{{memory_copy(1e6)}, 1e-3, 0, "b"},
                                             {{softmax(1000, 1000, 4, DataType::fp16)}, 1e-3, 0, "b"}};
  fit = describe_fit(streams, residuals);
  CHECK(fit.smallest == 2'000'000);
  CHECK(fit.largest == 4'000'000);
  CHECK(fit.kernels == std::vector<std::string>{"copy", "softmax"});
}

}  // namespace orrery
