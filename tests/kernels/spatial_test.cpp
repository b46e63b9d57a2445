// Machines with SRAM beside each core, and FPGAs: what streams from outside, and the energy of what is moved again.
#include "kernels/spatial.hpp"

#include <cmath>

#include <catch2/catch.hpp>

#include "kernels/operands.hpp"
#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

namespace {

double joules_of(const DeviceModel& device, const Kernel& kernel) {
  const auto model = make_cost_model(std::vector{device}, std::vector{test::perfect()}, Conditions::isolated);
  return model->sequence(DeviceTypeId(std::size_t{0}), std::vector{kernel}, {}).energy.value;
}

}  // namespace

TEST_CASE("operands that fit on a wafer or an IPU do not stream, however many bytes the kernel moves") {
  for (const char* name : {"cerebras-wse3", "graphcore-bow-ipu"}) {
    INFO(name);
    const DeviceModel device = test::shipped(name);
    const double capacity = memory_capacity(device) ? memory_capacity(device)->value : device.on_chip.total->value;
    const auto adam = [&](double share) { return optimizer_step(std::floor(share * capacity / 14), 28, 1); };
    const Kernel resident = adam(0.9), larger = adam(1.1);
    REQUIRE(resident.bytes > capacity);
    CHECK(streaming_seconds(resident, device) == 0);
    CHECK(streaming_seconds(larger, device) == Approx(larger.bytes / device.host_link->bandwidth_per_direction->value));
  }
  CHECK(streaming_seconds(memory_copy(1e12), test::shipped("nvidia-h100-sxm5-80gb")) == 0);
}

TEST_CASE(
    "in a run, whose memory plan says what is resident, no kernel streams: twice the parameters take twice the time") {
  const DeviceModel device = test::shipped("graphcore-bow-ipu");
  const auto calibration = resolve_calibration(device, Library::installed());
  const auto seconds = [&](double parameters) {
    return test::seconds_of(device, calibration, optimizer_step(parameters, 28, 1));
  };
  CHECK(seconds(60e6) / seconds(30e6) < 2.01);
}

TEST_CASE("bytes that an FPGA moves again in blocks cost energy as they cost time") {
  DeviceModel device = test::plain_gpu();
  device.family = DeviceFamily::fpga;
  device.on_chip.total = Bytes(4 * 256 * 256);  // half of it holds 256 x 256 results of 16 bits
  const Kernel product = gemm(4096, 4096, 4096, DataType::fp16);
  const double moved = product.flops / 256 * 2;
  REQUIRE(moved > product.bytes);
  const EnergyParameters energy;
  CHECK(joules_of(device, product) ==
        Approx(1e-12 * (product.flops * energy.matrix_pJ_per_flop + moved * 8 * energy.memory_pJ_per_bit)));
}

TEST_CASE("bytes that cores exchange cost energy as they cost time") {
  DeviceModel device = test::plain_gpu();
  device.family = DeviceFamily::ipu;
  device.clock = Hertz(1e9);
  const Kernel attends = attention(1024, 1024, 64, 4, 8, 8, false, DataType::fp16, 2);  // all of it exchanged once
  const EnergyParameters energy;
  CHECK(joules_of(device, attends) ==
        Approx(1e-12 * (attends.flops * energy.matrix_pJ_per_flop + 2 * attends.bytes * 8 * energy.memory_pJ_per_bit)));
}

}  // namespace orrery
