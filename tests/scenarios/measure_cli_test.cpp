// `orrery measure`: real kernels of this machine as a device model. Nothing here depends on how fast they are.
#include <cmath>

#include <catch2/catch.hpp>

#include "kernels/cost_models.hpp"
#include "scenarios/measure/gpu_kernels.hpp"
#include "scenarios/measure/harness.hpp"
#include "scenarios/measure/machine_study.hpp"
#include "scenarios/measured_kernels.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

// As if timed on a core of 40 and 80 GFLOP/s (90 % reached), 20 GB/s (80 % reached) and 1 us per call.
std::vector<Timing> pretended(const std::vector<MachineKernel>& kernels) {
  std::vector<Timing> timings;
  for (const MachineKernel& entry : kernels) {
    const bool product = entry.kernel.kind == KernelKind::gemm;
    const double rate = entry.kernel.type == DataType::fp32 ? 72e9 : 36e9;
    timings.push_back({1e-6 + (product ? entry.kernel.flops / rate : entry.kernel.bytes / 16e9), {}, ""});
  }
  return timings;
}

// Every kernel takes a microsecond a launch; there is no product of fp8.
class PretendedGpu : public GpuBackend {
 public:
  GpuFacts facts() const override { return {"pretended GPU", 8, 0, 108, 1.41e9, 80e9, 40e6, 0, 400, "1", "", ""}; }
  std::unique_ptr<GpuKernel> prepare(const GpuRequest& request) override {
    struct Microsecond : GpuKernel {
      double train(int launches) override { return 1e-6 * launches; }
      DeviceReading reading() override { return {250, 1.2e9, 61, 5}; }
    };
    if (request.type == DataType::fp8) throw NotMeasured("no kernel of that type");
    return std::make_unique<Microsecond>();
  }
};

}  // namespace

TEST_CASE("a machine that behaves like the model is predicted on shapes that were not fitted") {
  const auto kernels = machine_kernels(false);
  const MachineStudy study = study_machine(core_device("pretended", "a made-up core"), kernels, pretended(kernels),
                                           Library::installed());
  CHECK(study.device.peak.fp64->value == Approx(36e9 / 0.95).epsilon(0.02));
  CHECK(study.device.memory.bandwidth->value == Approx(16e9 / 0.95).epsilon(0.02));
  CHECK(study.median_error(false) < 0.03);
  std::size_t withheld = 0;
  for (const MachineRow& row : study.rows) {
    INFO(row.what.name << " " << row.what.shape.dump());
    CHECK(std::abs(row.predicted_s / row.measured_s - 1) < 0.25);
    withheld += row.what.fit ? 0 : 1;
  }
  CHECK(withheld >= 10);
}

TEST_CASE("what measure writes is a measured-run file, an accelerator and a calibration that other commands take") {
  const Folder folder;
  const Outcome outcome = run_orrery({"measure", "--quick", "--name", "here", "--out", folder.path()});
  if (!missing_for_timing().empty() || !missing_for_kernels().empty()) {
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Contains("measuring needs"));
    return;
  }
  CHECK(outcome.err == "");
  REQUIRE(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("median error"));
  const Outcome kernel = run_orrery({"kernel", "here", "gemm", "--m", "64", "--n", "64", "--k", "64", "--precision",
                                     "fp64", "--library", folder.path()});
  CHECK(kernel.err == "");
  CHECK(kernel.exit_code == 0);
  const Outcome again = run_orrery({"calibrate", folder.path("measured"), "--library", folder.path()});
  // How well a fit does on a busy machine, or under sanitizers, is not what is tested; it may warn of that and nothing else.
  CHECK((again.err.empty() || again.err.find("median residual") != std::string::npos));
  CHECK(again.err.find("error") == std::string::npos);
  CHECK(again.exit_code == 0);
  CHECK_THAT(again.out, Contains("here") && Contains("gemm fp64"));
}

TEST_CASE("measure refuses names that are no file names") {
  const Outcome outcome = run_orrery({"measure", "--quick", "--name", "../up"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("--name"));
}

TEST_CASE("a timed stream moves the vectors that its row states, and one of which a rate is known a gigabyte") {
  const auto moved = [](const char* kernel, Json shape, const char* type) {
    MeasuredRow row;
    row.run = {{"accelerator", "here"}, {"kernel", kernel}, {"precision", type}, {"shape", std::move(shape)}};
    RulesUsed used;
    return kernel_case(row, used).counted_bytes;
  };
  CHECK(moved("stream_triad", {{"elements", 1000}}, "fp64") == 24000);
  CHECK(moved("stream_copy", {{"elements", 1000}}, "fp32") == 8000);
  CHECK(moved("stream_triad", Json::object(), "fp64") == 1024.0 * 1024 * 1024);
}

TEST_CASE("a GPU that behaves like the model of an A100 is predicted on shapes that were not fitted") {
  const Library library = Library::installed();
  const auto backend = std::make_shared<PretendedGpu>();
  const auto kernels = gpu_kernels(backend, false);
  const auto shipped = load_part<DeviceModel>("hardware/accelerators", "nvidia-a100-sxm4-80gb", library);
  const auto model = make_cost_model(std::span(&shipped, 1), library, Conditions::isolated);
  std::vector<Timing> timings;
  for (const MachineKernel& entry : kernels) {
    Timing timing{0, {}, entry.kernel.type == DataType::fp8 ? "no kernel of that type" : ""};
    if (timing.skipped.empty())
      timing.seconds = entry.modelled ? model->sequence(DeviceTypeId{0}, std::span(&entry.kernel, 1), {}).time.value
                                      : 1e-5;
    timings.push_back(timing);
  }
  const MachineStudy study = study_machine(gpu_device(backend->facts(), "pretended"), kernels, timings, library);
  CHECK(study.device.generation == "ampere");
  CHECK(study.device.memory.bandwidth->value < shipped.memory.bandwidth->value);
  CHECK(study.device.peak.fp16->value < shipped.peak.fp16->value);
  CHECK_FALSE(study.device.peak.fp8);
  REQUIRE(study.device.host_link);
  CHECK(study.device.host_link->bandwidth_per_direction->value == Approx(256 * 1048576 / 1e-5));
  CHECK(study.median_error(false) < 0.03);
  REQUIRE(study.calibration.attention.size() == 1);
  CHECK(study.calibration.gemm.size() == 6);
  CHECK(study.skipped.size() == 25);
  CHECK_THAT(study_text(study), Contains("skipped: gemm fp8") && Contains("no kernel of that type"));
}

TEST_CASE("kernels that time themselves are timed in trains, with what the device drew meanwhile") {
  if (!missing_for_timing().empty()) return;
  const auto backend = std::make_shared<PretendedGpu>();
  auto kernels = gpu_kernels(backend, true);
  MachineKernel lacking = kernels.back();
  lacking.prepare = [backend] {
    backend->prepare({GpuOperation::gemm, DataType::fp8, 1, 1, 1, 1, 1});
    return ReadyKernel{};
  };
  kernels.push_back(lacking);
  const std::vector<Timing> timings = time_kernels(kernels, 0.01);
  REQUIRE(timings.size() == kernels.size());
  CHECK(timings.back().skipped == "no kernel of that type");
  for (std::size_t i = 0; i + 1 < timings.size(); ++i) {
    CHECK(timings[i].seconds == Approx(1e-6));
    CHECK(timings[i].reading.power_W == 250);
  }
  const MachineStudy study = study_machine(gpu_device(backend->facts(), "pretended"), kernels, timings,
                                           Library::installed());
  const Json run = measured_runs(study)["runs"][1];
  CHECK(run["kernel"] == "gemm");
  CHECK(run["measured"]["power_W"] == 250);
  CHECK(run["measured"]["clock_MHz"] == 1200);
}

TEST_CASE("measuring a GPU where there is none, or without its back end, says what is missing") {
  const Outcome outcome = run_orrery({"measure", "--gpu", "63", "--quick"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("--gpu"));
  CHECK(outcome.out == "");
  const Outcome sheet = run_orrery({"measure", "--quick", "--base", "nvidia-a100-sxm4-80gb"});
  CHECK(sheet.exit_code == 2);
  CHECK_THAT(sheet.err, Contains("--base is the data sheet of a GPU"));
}

TEST_CASE("measure refuses a file as its folder before it measures") {
  const Folder folder;
  const Outcome outcome = run_orrery({"measure", "--quick", "--out", folder.write("file", "mine")});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("--out: expected a folder"));
  CHECK(read_text(folder.path("file")) == "mine");
}

TEST_CASE("validate reads every kernel that measure writes at its stated size") {
  const std::vector<MachineKernel> kernels = machine_kernels(false);
  const MachineStudy study = study_machine(core_device("here", "here"), kernels, pretended(kernels),
                                           Library::installed());
  const Json runs = measured_runs(study)["runs"];
  REQUIRE(runs.size() == kernels.size());
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    MeasuredRow row;
    row.run = runs[i];
    row.run["accelerator"] = "here";
    INFO(row.run.dump());
    RulesUsed used;
    const KernelCase work = kernel_case(row, used);
    CHECK(used.empty());
    CHECK(work.counted_bytes == kernels[i].kernel.bytes);
    CHECK(work.counted_flops == kernels[i].kernel.flops);
  }
}
