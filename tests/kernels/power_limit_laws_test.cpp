// Laws of boards whose power is limited: by their own limit, which bounds the rates of wide types, and by an operator's.
#include <catch2/catch.hpp>

#include "kernels/energy.hpp"
#include "kernels/expert_shapes.hpp"
#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

namespace {

constexpr const char* limited_boards[] = {"nvidia-a100-sxm4-80gb", "nvidia-h100-sxm5-80gb", "nvidia-b200-sxm-180gb",
                                          "nvidia-l40s", "amd-mi300x"};

DeviceModel held_to(const std::string& name, double share) {
  DeviceModel device = test::shipped(name);
  device.power.limit = *device.power.tdp * share;
  return device;
}

class LongRuns {
 public:
  explicit LongRuns(const DeviceModel& device, Conditions conditions = Conditions::sustained)
      : costs_(make_cost_model(std::vector{device}, Library::installed(), conditions)) {}
  Cost of(const Kernel& kernel) const { return costs_->sequence(DeviceTypeId(std::size_t{0}), {&kernel, 1}, {}); }

 private:
  std::unique_ptr<CostModel> costs_;
};

}  // namespace

TEST_CASE("no wider type is faster than a narrower one that the device computes with at the same peak") {
  int pairs = 0;
  for (const auto& device_name : test::shipped_names()) {
    const DeviceModel device = test::shipped(device_name);
    if (device.family != DeviceFamily::gpu) continue;
    for (const Conditions conditions : {Conditions::isolated, Conditions::sustained}) {
      const LongRuns costs(device, conditions);
      for (std::size_t i = 0; i < data_type_names.size(); ++i)
        for (std::size_t j = 0; j < data_type_names.size(); ++j) {
          const auto wide = static_cast<DataType>(i), narrow = static_cast<DataType>(j);
          if (unit_bits(wide) <= unit_bits(narrow) || !matrix_peak(device, wide) ||
              matrix_peak(device, wide) != matrix_peak(device, narrow))
            continue;
          ++pairs;
          for (const std::int64_t size : {256, 2048, 8192}) {
            INFO(device_name << ": " << name(wide) << " and " << name(narrow) << ", " << size);
            const Cost one = costs.of(gemm(size, size, size, wide)), other = costs.of(gemm(size, size, size, narrow));
            CHECK(one.time >= other.time);
            if (wide == DataType::fp6)
              CHECK(one.energy <= 1.5 * other.energy);  // units of four bits, half again the bytes
          }
        }
    }
  }
  CHECK(pairs > 10);  // fp64 and fp32 of A100, H100, MI250X, MI300X, ..., int8 and fp16 of MI210
}

TEST_CASE("memory that is stated by its stacks draws what all of them take") {
  DeviceModel stacked = test::shipped("nvidia-a100-sxm4-80gb");
  const DeviceCalibration calibration = resolve_calibration(stacked, Library::installed());
  const double whole = memory_power_W({stacked, calibration, Conditions::sustained});
  stacked.memory.bandwidth_per_stack = *stacked.memory.bandwidth * 0.2;
  stacked.memory.stacks = 5;
  stacked.memory.bandwidth.reset();
  CHECK(whole > 0);
  CHECK(memory_power_W({stacked, calibration, Conditions::sustained}) == Approx(whole));
}

TEST_CASE("memory that alone draws more than a board may takes longer, at the energy of its bytes") {
  const DeviceModel sound = test::shipped("nvidia-a100-sxm4-80gb");
  DeviceModel starved = sound;
  starved.power.tdp = Watts(150);
  const Kernel sum = elementwise(1 << 26, 6.0 * (1 << 26), 1 << 26, DataType::bf16);
  const Cost slow = LongRuns(starved).of(sum), fast = LongRuns(sound).of(sum);
  CHECK(slow.energy >= fast.energy * 0.95);  // of computing beside it less is left
  CHECK(slow.time.value > 1.2 * fast.time.value);
  CHECK(slow.energy.value / slow.time.value == Approx(dynamic_budget_W(starved)));
  CHECK(LongRuns(starved, Conditions::isolated).of(sum).time == fast.time);
}

TEST_CASE("a sustained fraction slows no type whose multiply-adds draw less than those it was found for") {
  const DeviceModel device = test::shipped("nvidia-b300-sxm");
  const DeviceCalibration calibration = resolve_calibration(device, Library::installed());
  const auto sustained = [&](DataType type) { return calibration.sustained[static_cast<std::size_t>(type)]; };
  CHECK(sustained(DataType::fp8) < 1);
  CHECK(sustained(DataType::mxfp8) == sustained(DataType::fp8));
  CHECK(sustained(DataType::int8) == 1);  // a thirtieth of the rate of fp8
}

TEST_CASE("under an operator's power limit time never falls when a product or attention grows by a tile") {
  for (const char* board : limited_boards)
    for (const double share : {0.3, 0.6, 0.8}) {
      const LongRuns costs(held_to(board, share));
      for (const DataType type : {DataType::fp16, DataType::fp32, DataType::int8}) {
        if (!matrix_peak(test::shipped(board), type)) continue;
        const auto grows = [&](const char* what, std::int64_t first, std::int64_t last, auto kernel_of) {
          double before = 0;
          for (std::int64_t size = first; size <= last; size += 128) {
            const double now = costs.of(kernel_of(size)).time.value;
            INFO(board << " at " << share << ", " << name(type) << ", " << what << " " << size);
            CHECK(now >= before * (1 - 1e-9));
            before = now;
          }
        };
        grows("m", 128, 8192, [&](std::int64_t m) { return gemm(m, 4096, 4096, type); });
        grows("m of few columns", 2049, 6145, [&](std::int64_t m) { return gemm(m, 48, 12960, type); });
        grows("k", 128, 8192, [&](std::int64_t k) { return gemm(512, 1024, k, type); });
        grows("rows", 256, 8192, [&](std::int64_t rows) { return grouped_gemm(rows, 8, 0, 2048, 4096, type); });
        grows("keys", 128, 8192, [&](std::int64_t keys) { return attention(1, keys, 128, 1, 8, 8, false, type, 2); });
      }
    }
}

TEST_CASE("a limit that does not bind changes nothing, and one that does slows and saves") {
  for (const char* board : limited_boards) {
    INFO(board);
    const LongRuns free(test::shipped(board)), barely(held_to(board, 1)), half(held_to(board, 0.5));
    for (const std::int64_t m : {1, 640, 1792, 1920, 8192}) {
      const Kernel kernel = gemm(m, 4096, 4096, DataType::fp16);
      INFO(m);
      CHECK(barely.of(kernel).time.value == Approx(free.of(kernel).time.value).epsilon(1e-9));
      CHECK(half.of(kernel).time >= free.of(kernel).time);
      CHECK(half.of(kernel).energy.value <= free.of(kernel).energy.value * (1 + 1e-9));
    }
  }
}

TEST_CASE("the energy of a product follows its work: rows of one more tile never save a seventh of it") {
  for (const char* board : limited_boards)
    for (const DataType type : {DataType::fp16, DataType::fp32}) {
      const LongRuns costs(test::shipped(board), Conditions::isolated);
      double before = 0;
      for (std::int64_t m = 1024; m <= 8192; m += 128) {
        const double joules = costs.of(gemm(m, 4096, 4096, type)).energy.value;
        INFO(board << ", " << name(type) << ", m " << m);
        CHECK(joules >= 0.86 * before);
        before = joules;
      }
    }
}

TEST_CASE("what an operator's limit slows counts as not calibrated, and what it leaves alone stays as it was") {
  const auto calibrated = [](const DeviceModel& device, const Kernel& kernel) {
    const auto costs = make_cost_model(std::vector{device}, Library::installed());
    std::vector<KernelCost> parts;
    costs->breakdown(DeviceTypeId(std::size_t{0}), {&kernel, 1}, {}, parts);
    return parts.at(0).calibrated;
  };
  const std::string board = "nvidia-a100-sxm4-80gb";
  const Kernel product = gemm(8192, 8192, 8192, DataType::fp16), stream = elementwise(1 << 28, 1e9, 0, DataType::fp16);
  CHECK(calibrated(test::shipped(board), product));
  CHECK_FALSE(calibrated(held_to(board, 0.4), product));
  CHECK(calibrated(held_to(board, 0.9), stream));
}

TEST_CASE("to state the memory that a device has anyway changes no energy") {
  int devices = 0;
  for (const auto& device_name : test::shipped_names()) {
    const DeviceModel device = test::shipped(device_name);
    const DeviceCalibration calibration = resolve_calibration(device, Library::installed());
    if (!calibration.energy || device.memory.energy) continue;
    for (const std::string& part : Library::installed().names("hardware/memories")) {
      const auto memory = load_part<DeviceMemory>("hardware/memories", part, Library::installed());
      // Constants are of a generation, and of its boards with stacked or graphics memory as their file says.
      if (memory.kind != device.memory.kind || !memory.energy) continue;
      const double stated = memory.energy->value / 8e-12 + calibration.energy->die_pJ_per_bit;
      INFO(device_name << " with " << part);
      CHECK(stated == Approx(calibration.energy->memory_pJ_per_bit).epsilon(0.001));
      ++devices;
    }
  }
  CHECK(devices >= 20);
}

TEST_CASE("a memory that takes less energy than a device's own saves some") {
  DeviceModel device = test::shipped("nvidia-h100-sxm5-80gb");
  const Kernel stream = elementwise(1 << 28, 1e9, 0, DataType::fp16);
  const double own = LongRuns(device, Conditions::isolated).of(stream).energy.value;
  device.memory.energy = load_part<DeviceMemory>("hardware/memories", "hbm4", Library::installed()).energy;
  CHECK(LongRuns(device, Conditions::isolated).of(stream).energy.value < own);
}

}  // namespace orrery
