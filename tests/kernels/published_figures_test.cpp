// Families without measured kernels of our own corpus: what others published of them, beside what the models say. A family
// whose file states no `unvalidated` has at least two such figures here; bounds are what the models reach, not targets.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

using namespace orrery;
using namespace orrery::test;

namespace {

struct Figure {
  const char* device;
  Kernel kernel;
  double seconds;  // published, or from the published rate
  double within;   // of it
  const char* source;
};

Kernel square(std::int64_t n, DataType type) { return gemm(n, n, n, type); }
double product_s(double n, double flops_per_s) { return 2 * n * n * n / flops_per_s; }

// A vector long enough that only its rate matters.
constexpr double stream_bytes = 4e9;
Kernel stream() { return elementwise(static_cast<std::int64_t>(stream_bytes / 12), stream_bytes, 0, DataType::fp32); }

const std::vector<Figure>& figures() {
  static const char* const jia = "Jia et al. 2019, arXiv:1912.03413, from memory of its table of throughputs";
  static const char* const hpcc =
      "Meyer, Kenter, Plessl, Evaluating FPGA accelerator performance with a parameterized OpenCL adaptation of HPCC, "
      "2020; "
      "tables of results read in pc2/HPCC_FPGA (HBM2)";
  static const std::vector<Figure> all = {
      {"graphcore-ipu-gc2", square(2944, DataType::fp32), product_s(2944, 18.9e12), 0.15, jia},
      {"graphcore-ipu-gc2", square(2944, DataType::fp16), product_s(2944, 58.9e12), 0.17, jia},
      {"graphcore-ipu-gc200", square(3584, DataType::fp32), product_s(3584, 44.2e12), 0.15,
       "Shekofteh et al. 2023, arXiv:2310.00256, from memory of its results"},
      {"amd-alveo-u280", stream(), stream_bytes / 378.88e9, 0.05, hpcc},  // triad
      {"amd-alveo-u280", stream(), stream_bytes / 365.80e9, 0.05, hpcc},  // scale
      {"amd-alveo-u280", square(4096, DataType::fp32), product_s(4096, 603.86e9), 0.15, hpcc},
  };
  return all;
}

std::string family_of(const DeviceModel& device) {
  return std::string(EnumNames<DeviceFamily>::names[static_cast<std::size_t>(device.family)]);
}

}  // namespace

TEST_CASE("published figures of IPUs and FPGAs are reproduced as closely as the documentation says") {
  for (const Figure& figure : figures()) {
    INFO(figure.device << ": " << figure.source);
    const DeviceModel device = shipped(figure.device);
    const double predicted = seconds_of(device, resolve_calibration(device, Library::installed()), figure.kernel);
    CHECK(std::abs(predicted / figure.seconds - 1) < figure.within);
  }
}

TEST_CASE("a family is unvalidated unless it has fits to measured kernels or two published figures") {
  std::map<std::string, int> published;
  for (const Figure& figure : figures()) ++published[family_of(shipped(figure.device))];
  for (const std::string& name : shipped_names()) {
    const DeviceModel device = shipped(name);
    const std::string family = family_of(device);
    if (family != "ipu" && family != "fpga" && family != "wafer-scale" && family != "neuromorphic") continue;
    INFO(name);
    CHECK(resolve_calibration(device, Library::installed()).unvalidated.empty() == (published[family] >= 2));
  }
}
