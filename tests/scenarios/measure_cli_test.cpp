// `orrery measure`: real kernels of this machine as a device model. Nothing here depends on how fast they are.
#include <cmath>

#include <catch2/catch.hpp>

#include "scenarios/measure/harness.hpp"
#include "scenarios/measure/machine_study.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

// As if timed on a core of 40 and 80 GFLOP/s (90 % reached), 20 GB/s (80 % reached) and 1 us per call.
std::vector<double> pretended(const std::vector<MachineKernel>& kernels) {
  std::vector<double> seconds;
  for (const MachineKernel& entry : kernels) {
    const bool product = entry.kernel.kind == KernelKind::gemm;
    const double rate = entry.kernel.type == DataType::fp32 ? 72e9 : 36e9;
    seconds.push_back(1e-6 + (product ? entry.kernel.flops / rate : entry.kernel.bytes / 16e9));
  }
  return seconds;
}

}  // namespace

TEST_CASE("a machine that behaves like the model is predicted on shapes that were not fitted") {
  const auto kernels = machine_kernels(false);
  const MachineStudy study = study_machine("pretended", "a made-up core", kernels, pretended(kernels),
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
  CHECK(again.err == "");
  CHECK(again.exit_code == 0);
  CHECK_THAT(again.out, Contains("here") && Contains("gemm fp64"));
}

TEST_CASE("measure refuses names that are no file names") {
  const Outcome outcome = run_orrery({"measure", "--quick", "--name", "../up"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("--name"));
}
