// Every shipped accelerator and memory file reads without a fault, and says where each of its figures comes from.
#include <string>

#include <catch2/catch.hpp>

#include "sim/device.hpp"
#include "sim/spec.hpp"

using namespace orrery;

namespace {

const Library& shipped() {
  static const Library library({ORRERY_SOURCE_DATA_DIR});
  return library;
}

// The citation of the longest pointer prefix.
bool is_cited(const Json& sources, const std::string& pointer) {
  for (std::string at = pointer;; at = at.substr(0, at.rfind('/'))) {
    const auto it = sources.find(at);
    if (it != sources.end()) return it->is_string() && !it->get_ref<const std::string&>().empty();
    if (at.empty()) return false;
  }
}

bool is_figure(const Json& value) {
  if (value.is_number()) return true;
  return value.is_string() && !value.get_ref<const std::string&>().empty() &&
         std::isdigit(static_cast<unsigned char>(value.get_ref<const std::string&>().front()));
}

void check_cited(const Json& node, const std::string& pointer, const Json& sources) {
  for (const auto& [key, value] : node.items()) {
    const std::string at = pointer_to(pointer, key);
    if (value.is_structured() && at != "/sources")
      check_cited(value, at, sources);
    else if (is_figure(value) && !is_cited(sources, at))
      FAIL_CHECK(at << " has no source");
  }
}

}  // namespace

TEST_CASE("every shipped accelerator file reads without a fault, under its own name") {
  for (const std::string& name : shipped().names("hardware/accelerators")) {
    INFO(name);
    DeviceModel device;
    REQUIRE_NOTHROW(device = load_part<DeviceModel>("hardware/accelerators", name, shipped()));
    CHECK(device.name == name);
  }
}

TEST_CASE("every figure of a shipped accelerator is covered by its sources") {
  for (const std::string& name : shipped().names("hardware/accelerators")) {
    INFO(name);
    const auto device = load_part<DeviceModel>("hardware/accelerators", name, shipped());
    check_cited(write_spec(device), "", device.sources);
  }
}

TEST_CASE("a shipped accelerator written out and read back is written the same again") {
  for (const std::string& name : shipped().names("hardware/accelerators")) {
    INFO(name);
    const Json once = write_spec(load_part<DeviceModel>("hardware/accelerators", name, shipped()));
    CHECK(write_spec(read_spec<DeviceModel>(once, name, shipped())) == once);
  }
}

TEST_CASE("the matrix peak of a type is that of the matrix units, else that of the vector units") {
  DeviceModel device;
  device.peak.fp64 = FlopsPerSecond(1);
  CHECK(matrix_peak(device, DataType::fp64) == FlopsPerSecond(1));
  device.peak.fp64_matrix = FlopsPerSecond(2);
  CHECK(matrix_peak(device, DataType::fp64) == FlopsPerSecond(2));
  device.peak.fp32 = FlopsPerSecond(3);
  CHECK(matrix_peak(device, DataType::fp32) == FlopsPerSecond(3));
  CHECK(vector_peak(device) == FlopsPerSecond(3));
  CHECK_FALSE(matrix_peak(device, DataType::tf32));
  CHECK_FALSE(matrix_peak(device, DataType::bf16));
}

TEST_CASE("block-scaled formats run at the rate of their elements") {
  DeviceModel device;
  device.vendor = "NVIDIA";
  device.peak.fp8 = FlopsPerSecond(8);
  device.peak.fp4 = FlopsPerSecond(4);
  CHECK(matrix_peak(device, DataType::mxfp8) == FlopsPerSecond(8));
  CHECK(matrix_peak(device, DataType::mxfp4) == FlopsPerSecond(4));
  CHECK(matrix_peak(device, DataType::nvfp4) == FlopsPerSecond(4));
}

TEST_CASE("only units that multiply 4- or 6-bit floats apply the scales of blocks, and NVFP4 is NVIDIA's") {
  const auto runs = [](const char* name, DataType type) {
    return matrix_peak(load_part<DeviceModel>("hardware/accelerators", name, shipped()), type).has_value();
  };
  for (const char* name : {"nvidia-h100-sxm5-80gb", "amd-mi300x", "nvidia-l4"}) {
    INFO(name);
    CHECK(runs(name, DataType::fp8));
    CHECK_FALSE(runs(name, DataType::mxfp8));
  }
  CHECK(runs("nvidia-b200-sxm-180gb", DataType::mxfp8));
  CHECK(runs("nvidia-b200-sxm-180gb", DataType::nvfp4));
  CHECK(runs("amd-mi355x", DataType::mxfp4));
  CHECK_FALSE(runs("amd-mi355x", DataType::nvfp4));
}

TEST_CASE("every shipped memory reads under its own name, and its figures are covered by its sources") {
  for (const std::string& name : shipped().names("hardware/memories")) {
    INFO(name);
    const auto memory = load_part<DeviceMemory>("hardware/memories", name, shipped());
    CHECK(memory.name == name);
    check_cited(write_spec(memory), "", memory.sources);
  }
}

TEST_CASE("a memory named with its stacks replaces what the device had: sizes are stacks times those of one") {
  const Json document = parse_json(
      R"({"base": "nvidia-h100-sxm5-80gb", "name": "h100-hbm4", "memory": {"base": "hbm4", "stacks": 6}})", "test");
  const auto device = read_spec<DeviceModel>(document, "test", shipped(), "hardware/accelerators");
  CHECK(memory_capacity(device)->value == Approx(6.0 * 36 * 1024 * 1024 * 1024));
  CHECK(memory_bandwidth(device)->value == Approx(6 * 2048e9));
  CHECK(device.memory.energy->value == Approx(8 * 3.5e-12));
}

TEST_CASE("a stated total comes before stacks times one of them, and sizes per stack need the stacks") {
  DeviceModel device;
  device.memory.stacks = 5;
  device.memory.bandwidth_per_stack = BytesPerSecond(819e9);
  device.memory.bandwidth = BytesPerSecond(3.35e12);
  CHECK(memory_bandwidth(device)->value == 3.35e12);
  CHECK(!memory_capacity(device));

  const Json faulty = parse_json(R"({"name": "x", "family": "gpu", "memory": "hbm3"})", "test");
  CHECK_THROWS_WITH(read_spec<DeviceModel>(faulty, "test", shipped()), Catch::Contains("stacks"));
}
