// The shipped cost model as the engine sees it: host rule, repeats, operating points, breakdown, energy, faults.
#include <cmath>

#include <catch2/catch.hpp>

#include "kernels/cost_models.hpp"
#include "kernels/energy.hpp"
#include "kernels/shapes.hpp"
#include "sim/error.hpp"
#include "tests/kernels/allocations.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

using test::perfect;
using test::plain_gpu;
using test::seconds_of;

namespace {

const DeviceTypeId first{std::size_t{0}};

std::unique_ptr<CostModel> plain_model() { return make_cost_model(std::vector{plain_gpu()}, std::vector{perfect()}); }

// 1 ms on the plain device, without host time.
Kernel millisecond() { return elementwise(1, 1e9, 0, DataType::fp32); }

}  // namespace

TEST_CASE("without host time a sequence takes exactly the sum of its kernels") {
  const std::vector<Kernel> kernels = {millisecond(), gemm(1280, 2560, 4096, DataType::fp16), millisecond()};
  double sum = 0;
  for (const Kernel& kernel : kernels) sum += seconds_of(plain_gpu(), perfect(), kernel);
  CHECK(plain_model()->sequence(first, kernels, {}).time.value == sum);
}

TEST_CASE("a repeated kernel costs its repeats") {
  Kernel repeated = millisecond();
  repeated.repeat = 7;
  repeated.host_s = 1e-5;
  CHECK(plain_model()->sequence(first, std::vector{repeated}, {}).time.value ==
        Approx(plain_model()
                   ->sequence(first,
                              std::vector<Kernel>(7,
                                                  [] {
                                                    Kernel once = millisecond();
                                                    once.host_s = 1e-5;
                                                    return once;
                                                  }()),
                              {})
                   .time.value));
}

TEST_CASE("host and device time join with exponent 3.5: at the crossing both show, far from it the larger rules") {
  Kernel kernel = millisecond();
  kernel.host_s = 1e-3;
  CHECK(seconds_of(plain_gpu(), perfect(), kernel) == Approx(1e-3 * std::pow(2, 1 / 3.5)));
  kernel.host_s = 1e-5;
  CHECK(seconds_of(plain_gpu(), perfect(), kernel) == Approx(1e-3).epsilon(1e-6));
  kernel.host_s = 1;
  CHECK(seconds_of(plain_gpu(), perfect(), kernel) == Approx(1).epsilon(1e-6));
}

TEST_CASE("breakdown and its host time add up to the sequence") {
  Kernel hosted = millisecond();
  hosted.host_s = 5e-4;
  const std::vector<Kernel> kernels = {hosted, gemm(1280, 2560, 4096, DataType::fp16), hosted};
  const auto model = plain_model();
  std::vector<KernelCost> costs;
  const Seconds host = model->breakdown(first, kernels, {}, costs);
  REQUIRE(costs.size() == 3);
  double sum = host.value, joules = 0;
  for (const auto& cost : costs) sum += cost.cost.time.value, joules += cost.cost.energy.value;
  const Cost whole = model->sequence(first, kernels, {});
  CHECK(sum == Approx(whole.time.value).epsilon(1e-12));
  CHECK(joules == Approx(whole.energy.value));
  CHECK(host.value > 0);
}

TEST_CASE(
    "at half the clock only what the clock bounds takes longer in the breakdown, and it adds up to the sequence") {
  Kernel hosted = millisecond();
  hosted.host_s = 5e-3;
  const std::vector<Kernel> kernels = {elementwise(1 << 26, 8, 0, DataType::fp32),
                                       gemm(12800, 12800, 12800, DataType::fp16), hosted};
  const auto model = plain_model();
  const OperatingPoint slow{.clock = 0.5};
  std::vector<KernelCost> nominal, slowed;
  model->breakdown(first, kernels, {}, nominal);
  const Seconds host = model->breakdown(first, kernels, slow, slowed);
  CHECK(slowed[0].cost.time.value == Approx(nominal[0].cost.time.value).epsilon(1e-9));
  CHECK(slowed[1].cost.time.value == Approx(2 * nominal[1].cost.time.value).epsilon(1e-6));
  double sum = host.value;
  for (const KernelCost& k : slowed) sum += k.cost.time.value;
  CHECK(sum == Approx(model->sequence(first, kernels, slow).time.value).epsilon(1e-12));
}

TEST_CASE("breakdown waits for no host when there is none") {
  std::vector<KernelCost> costs;
  CHECK(plain_model()->breakdown(first, std::vector{millisecond()}, {}, costs).value == 0);
}

TEST_CASE("breakdown names the resource that bounds a kernel") {
  DeviceCalibration calibration = perfect();
  calibration.memory.parameters.launch = Seconds(1e-6);
  const auto model = make_cost_model(std::vector{plain_gpu()}, std::vector{calibration});
  std::vector<KernelCost> costs;
  model->breakdown(
      first,
      std::vector{millisecond(), gemm(12800, 12800, 12800, DataType::fp16), elementwise(1, 8, 0, DataType::fp32)}, {},
      costs);
  CHECK(std::string(costs[0].bound) == "memory");
  CHECK(std::string(costs[1].bound) == "compute");
  CHECK(std::string(costs[2].bound) == "launch");
}

TEST_CASE("half the clock doubles compute-bound time, half the memory clock memory-bound time, half the share both") {
  const Kernel product = gemm(128 * 10, 256 * 10, 65536, DataType::fp16);
  const double compute = seconds_of(plain_gpu(), perfect(), product);
  CHECK(seconds_of(plain_gpu(), perfect(), product, {0.5, 1, 1}) == Approx(2 * compute));
  CHECK(seconds_of(plain_gpu(), perfect(), product, {1, 0.5, 1}) == Approx(compute));
  CHECK(seconds_of(plain_gpu(), perfect(), millisecond(), {0.5, 1, 1}) == Approx(1e-3));
  CHECK(seconds_of(plain_gpu(), perfect(), millisecond(), {1, 0.5, 1}) == Approx(2e-3));
  CHECK(seconds_of(plain_gpu(), perfect(), millisecond(), {1, 1, 0.5}) == Approx(2e-3));
}

TEST_CASE("coming back to an operating point gives the same bits") {
  const auto model = plain_model();
  const std::vector<Kernel> kernels = {gemm(1000, 1000, 1000, DataType::fp16), millisecond()};
  const Cost before = model->sequence(first, kernels, {});
  model->sequence(first, kernels, {0.7, 0.9, 0.8});
  const Cost after = model->sequence(first, kernels, {});
  CHECK(before.time.value == after.time.value);
  CHECK(before.energy.value == after.energy.value);
}

TEST_CASE("sequences that differ in one field are not confused") {
  const auto model = plain_model();
  Kernel kernel = gemm(1280, 1280, 1280, DataType::fp16);
  const double before = model->sequence(first, std::vector{kernel}, {}).time.value;
  kernel.repeat = 2;
  CHECK(model->sequence(first, std::vector{kernel}, {}).time.value == Approx(2 * before));
}

TEST_CASE("an empty sequence costs nothing") {
  const Cost cost = plain_model()->sequence(first, {}, {});
  CHECK(cost.time.value == 0);
  CHECK(cost.energy.value == 0);
}

TEST_CASE("a data type the device lacks is an error that names the ones it has") {
  const auto model = plain_model();
  try {
    model->sequence(first, std::vector{gemm(64, 64, 64, DataType::fp8)}, {});
    FAIL("no error");
  } catch (const SpecError& error) {
    const std::string text = error.what();
    CHECK(text.find("plain-gpu") != std::string::npos);
    CHECK(text.find("fp8") != std::string::npos);
    CHECK(text.find("bf16, fp16") != std::string::npos);
  }
}

TEST_CASE("a device without memory bandwidth or cores says what is missing") {
  DeviceModel bare = plain_gpu();
  bare.memory.bandwidth.reset();
  CHECK_THROWS_AS(seconds_of(bare, perfect(), millisecond()), SpecError);
  bare = plain_gpu();
  bare.cores.reset();
  CHECK_THROWS_AS(seconds_of(bare, perfect(), gemm(64, 64, 64, DataType::fp16)), SpecError);
}

TEST_CASE("energy adds FLOPs, cache bytes and memory bytes at their cost") {
  DeviceModel device = plain_gpu();
  device.power = {};  // no limit
  const auto model = make_cost_model(std::vector{device}, std::vector{perfect()});
  const Kernel stream = elementwise(1000, 1e6, 1e5, DataType::fp32);
  const EnergyParameters energy;
  CHECK(model->sequence(first, std::vector{stream}, {}).energy.value ==
        Approx(1e-12 * (1e6 * 8 * energy.memory_pJ_per_bit + 1e5 * energy.vector_pJ_per_flop)));
  const Kernel product = gemm(256 * 100, 128 * 100, 4096, DataType::fp16);
  const double cache_bytes = product.flops / 2 * (1.0 / 256 + 1.0 / 128) * 2;
  CHECK(model->sequence(first, std::vector{product}, {}).energy.value ==
        Approx(1e-12 * (product.flops * energy.matrix_pJ_per_flop + cache_bytes * 8 * energy.cache_pJ_per_bit +
                        product.bytes * 8 * energy.memory_pJ_per_bit)));
}

TEST_CASE("a memory that states its energy per byte adds the way over the die to it") {
  DeviceModel device = plain_gpu();
  device.memory.energy = JoulesPerByte(8 * 0.4e-12);
  const auto model = make_cost_model(std::vector{device}, std::vector{perfect()});
  CHECK(model->sequence(first, std::vector{elementwise(1, 1e6, 0, DataType::fp32)}, {}).energy.value ==
        Approx(1e6 * 8 * (0.4 + 9.19) * 1e-12));
}

TEST_CASE("dynamic power of long runs stays below the board limit minus idle") {
  DeviceCalibration hungry = perfect();
  hungry.energy->matrix_pJ_per_flop = 100;
  const auto model = make_cost_model(std::vector{plain_gpu()}, std::vector{hungry});
  const Cost cost = model->sequence(first, std::vector{gemm(12800, 12800, 12800, DataType::fp16)}, {});
  CHECK(cost.energy.value == Approx(250 * cost.time.value));
}

TEST_CASE("without energy constants full matrix rate draws the whole dynamic budget") {
  DeviceCalibration unknown = perfect();
  unknown.energy.reset();
  const auto model = make_cost_model(std::vector{plain_gpu()}, std::vector{unknown});
  const Kernel product = gemm(128 * 10, 256 * 10, 65536, DataType::fp16);
  const Cost cost = model->sequence(first, std::vector{product}, {});
  CHECK(cost.energy.value == Approx(250 * cost.time.value));
}

TEST_CASE(
    "a FLOP costs by the width of its type: no rate of a data sheet moves the energy of another type, or its own") {
  DeviceModel device = plain_gpu();
  device.peak.fp8 = device.peak.int8 = FlopsPerSecond(200e12);
  device.peak.fp64 = device.peak.fp64_matrix = FlopsPerSecond(1e12);
  const auto compute_J = [](const DeviceModel& on, DataType type, const DeviceCalibration& calibration) {
    DeviceCalibration free = calibration;
    if (free.energy) free.energy->cache_pJ_per_bit = free.energy->memory_pJ_per_bit = 0;
    const Kernel product = gemm(2560, 2560, 1 << 20, type);  // bytes hardly count
    return make_cost_model(std::vector{on}, std::vector{free}, Conditions::isolated)
               ->sequence(first, std::vector{product}, {})
               .energy.value /
           product.flops;
  };
  const EnergyParameters energy;
  DeviceModel slow = device;
  slow.peak.bf16 = slow.peak.fp16 = FlopsPerSecond(50e12);
  slow.peak.int8 = FlopsPerSecond(2e12);
  for (const DeviceModel& on : {device, slow}) {
    CHECK(compute_J(on, DataType::bf16, perfect()) == Approx(1e-12 * energy.matrix_pJ_per_flop));
    CHECK(compute_J(on, DataType::fp8, perfect()) == Approx(0.5e-12 * energy.matrix_pJ_per_flop));
    CHECK(compute_J(on, DataType::int8, perfect()) == Approx(0.5e-12 * energy.matrix_pJ_per_flop));
    CHECK(compute_J(on, DataType::fp32, perfect()) == Approx(1e-12 * energy.vector_pJ_per_flop));
    CHECK(compute_J(on, DataType::fp64, perfect()) == Approx(1e-12 * energy.vector_pJ_per_flop));
  }
  // Where only the limit is known, so does a type that the chip has hardly any units for.
  DeviceCalibration limit = perfect();
  limit.energy.reset();
  for (const DataType type : {DataType::bf16, DataType::int8, DataType::fp32, DataType::fp64}) {
    const double once = compute_J(device, type, limit);
    DeviceModel starved = device;
    (type == DataType::bf16   ? starved.peak.bf16
     : type == DataType::int8 ? starved.peak.int8
     : type == DataType::fp32 ? starved.peak.fp32
                              : starved.peak.fp64_matrix) = FlopsPerSecond(1e12);
    if (type == DataType::fp32) starved.peak.fp64_matrix = FlopsPerSecond(5e12);  // as many bits a second as fp32 had
    CHECK(compute_J(starved, type, limit) == Approx(once).epsilon(0.02));
  }
}

TEST_CASE("fp64 products of chips with little fp64 cost about what fp64 costs elsewhere") {
  const auto pJ = [](const char* name) {
    const DeviceModel device = test::shipped(name);
    const Kernel product = gemm(8192, 8192, 8192, DataType::fp64);
    const auto model = make_cost_model({&device, 1}, Library::installed(), Conditions::isolated);
    return 1e12 * model->sequence(first, std::vector{product}, {}).energy.value / product.flops;
  };
  for (const char* name : {"nvidia-b300-sxm", "nvidia-gb300-nvl72", "nvidia-t4", "nvidia-a40", "nvidia-a100-sxm4-80gb",
                           "nvidia-h100-sxm5-80gb"}) {
    INFO(name);
    CHECK(pJ(name) > 5);
    CHECK(pJ(name) < 20);
  }
}

TEST_CASE("the same work never costs more at a lower clock, held by the power limit or not") {
  DeviceCalibration hungry = perfect();
  hungry.energy->matrix_pJ_per_flop = 5;  // 500 of 250 W
  const std::vector<Kernel> product = {gemm(12800, 12800, 12800, DataType::fp16)};
  for (const Conditions conditions : {Conditions::sustained, Conditions::isolated}) {
    const auto model = make_cost_model(std::vector{plain_gpu()}, std::vector{hungry}, conditions);
    Joules before{0};
    for (double clock = 0.5; clock <= 1; clock += 0.05) {
      const Joules now = model->sequence(first, product, {clock, 1, 1}).energy;
      CHECK(now >= before);
      before = now;
    }
  }
  DeviceCalibration throttled = hungry;
  throttled.sustained.fill(0.6);
  const auto joules = [&](Conditions conditions) {
    return make_cost_model(std::vector{plain_gpu()}, std::vector{throttled}, conditions)
        ->sequence(first, product, {})
        .energy.value;
  };
  CHECK(joules(Conditions::sustained) <= joules(Conditions::isolated));
}

TEST_CASE("energy is unknown, not another device's, where neither constants nor a limit are known") {
  DeviceModel device = plain_gpu();
  DeviceCalibration calibration = perfect();
  CHECK(energy_source(device, calibration, KernelKind::gemm) == EnergySource::constants);
  calibration.energy.reset();
  CHECK(energy_source(device, calibration, KernelKind::gemm) == EnergySource::power_limit);
  device.power = {};
  CHECK(energy_source(device, calibration, KernelKind::gemm) == EnergySource::unknown);
  const auto model = make_cost_model(std::vector{device}, std::vector{calibration});
  CHECK(model->sequence(first, std::vector{gemm(128, 128, 128, DataType::fp16)}, {}).energy.value == 0);
}

TEST_CASE("unknown idle power is a share of the limit on GPUs and unknown elsewhere") {
  DeviceModel device = plain_gpu();
  CHECK(idle_power(device)->value == 50);
  device.power.idle.reset();
  CHECK(idle_power(device)->value == Approx(0.13 * 300));
  CHECK(dynamic_budget_W(device) == Approx(0.87 * 300));
  device.family = DeviceFamily::tpu;
  CHECK_FALSE(idle_power(device));
  CHECK(dynamic_budget_W(device) == 300);
}

TEST_CASE("a lower clock saves energy on compute-bound kernels") {
  DeviceModel device = plain_gpu();
  device.power = {};
  const auto model = make_cost_model(std::vector{device}, std::vector{perfect()});
  const std::vector<Kernel> product = {gemm(12800, 12800, 12800, DataType::fp16)};
  CHECK(model->sequence(first, product, {0.8, 1, 1}).energy < model->sequence(first, product, {}).energy);
}

TEST_CASE("long runs go at the sustained fraction, isolated kernels do not") {
  DeviceCalibration throttled = perfect();
  throttled.sustained.fill(0.5);
  const std::vector<Kernel> product = {gemm(128 * 10, 256 * 10, 65536, DataType::fp16)};
  const auto sustained = make_cost_model(std::vector{plain_gpu()}, std::vector{throttled});
  const auto isolated = make_cost_model(std::vector{plain_gpu()}, std::vector{throttled}, Conditions::isolated);
  CHECK(sustained->sequence(first, product, {}).time.value ==
        Approx(2 * isolated->sequence(first, product, {}).time.value));
  CHECK(sustained->sequence(first, std::vector{millisecond()}, {}).time.value ==
        isolated->sequence(first, std::vector{millisecond()}, {}).time.value);
}

TEST_CASE("what a board sustains is a ceiling to attention, which draws less power, not a factor") {
  DeviceCalibration throttled = perfect();
  throttled.sustained.fill(0.5);
  const Kernel kernel = attention(512, 512, 128, 5, 5, 5, false, DataType::fp16, 2);
  const double isolated = seconds_of(plain_gpu(), perfect(), kernel);
  CHECK(seconds_of(plain_gpu(), throttled, kernel) == Approx(2 * isolated));
  throttled.attention.front().parameters.efficiency = 0.4;
  CHECK(seconds_of(plain_gpu(), throttled, kernel) == Approx(isolated / 0.4));
}

TEST_CASE("a sequence that was costed before allocates nothing") {
  const auto model = make_cost_model(std::vector{plain_gpu()}, std::vector{perfect()});
  const std::vector<Kernel> kernels = {gemm(4096, 4096, 4096, DataType::fp16), millisecond(),
                                       attention(512, 512, 128, 5, 5, 5, false, DataType::fp16, 2)};
  const Cost before = model->sequence(first, kernels, {});
  const std::size_t allocations = test::allocations();
  const Cost again = model->sequence(first, kernels, {});
  const Cost slower = model->sequence(first, kernels, {0.5, 1, 1});
  CHECK(test::allocations() == allocations);
  CHECK(again.time == before.time);
  CHECK(slower.time > before.time);
}

TEST_CASE("a board held to a power limit runs its kernels at the clock that draws it") {
  const DeviceCalibration calibration = perfect();
  // Whole waves of the largest tiles: no other tile is faster or moves less, with or without a limit.
  const std::vector product = {gemm(25600, 12800, 4096, DataType::fp16)};
  const auto cost = [&](double limit, Conditions conditions = Conditions::sustained) {
    DeviceModel device = plain_gpu();
    if (limit > 0) device.power.limit = Watts(limit);
    return make_cost_model(std::vector{device}, std::vector{calibration}, conditions)->sequence(first, product, {});
  };
  const Cost unlimited = cost(0);
  const double watts = 50 + (unlimited.energy / unlimited.time).value;  // with what it draws when idle
  REQUIRE(watts > 100);
  const Cost loose = cost(watts + 1), tight = cost(50 + (watts - 50) / 2);
  CHECK(loose.time == unlimited.time);
  CHECK(loose.energy == unlimited.energy);
  CHECK((tight.energy / tight.time).value == Approx((watts - 50) / 2));
  // Energy follows the square of voltage, 0.2 + 0.8 clock: half the power at the clock where clock x voltage^2 is a half,
  // or a little less, as no clock saves the energy of memory.
  const double clock = unlimited.time.value / tight.time.value;
  const double power = clock * std::pow(0.2 + 0.8 * clock, 2);
  CHECK(power < 0.5);
  CHECK(power > 0.48);
  CHECK(cost(60, Conditions::isolated).time == cost(0, Conditions::isolated).time);  // over before the limit acts
}

TEST_CASE("no kernel draws more than the limit of its board, and a lower limit never makes one faster") {
  for (const char* board : {"nvidia-v100-sxm2-32gb", "nvidia-a100-sxm4-80gb", "nvidia-h100-sxm5-80gb", "amd-mi300x"}) {
    DeviceModel device = test::shipped(board);
    const DeviceCalibration calibration = resolve_calibration(device, Library::installed());
    const double idle = idle_power(device)->value;
    for (const Kernel& kernel : {gemm(8192, 8192, 8192, DataType::fp16), gemm(64, 64, 64, DataType::fp16),
                                 gemm(8192, 8, 8192, DataType::fp16), elementwise(100000000, 4, 1, DataType::fp16)}) {
      double last = 0;
      for (double share : {1.0, 0.8, 0.6, 0.4, 0.25}) {
        device.power.limit = share * *device.power.tdp;
        const Cost cost = make_cost_model(std::vector{device}, std::vector{calibration})
                              ->sequence(first, std::vector{kernel}, {});
        INFO(board << " " << name(kernel.kind) << " at " << share);
        CHECK(cost.energy.value <= (device.power.limit->value - idle) * cost.time.value * (1 + 1e-9));
        CHECK(cost.time.value >= last);
        last = cost.time.value;
      }
    }
  }
}

}  // namespace orrery
