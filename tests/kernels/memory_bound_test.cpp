// Kernels that stream through memory: the passes of a Fourier transform.
#include "kernels/memory_bound.hpp"

#include <catch2/catch.hpp>

#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

namespace {

double seconds(std::int64_t length, int passes, const DeviceModel& device) {
  return test::seconds_of(device, test::perfect(), fft(length, 1, passes, DataType::fp64));
}

// Room for 1024 complex numbers of 16 bytes beside each core.
DeviceModel small_memory() {
  DeviceModel device = test::plain_gpu();
  device.on_chip.l1_per_core = Bytes(16.0 * 1024);
  device.peak.fp64.reset();
  device.peak.fp32.reset();
  return device;
}

}  // namespace

TEST_CASE("a transform takes as many passes over memory as the memory of a core needs, unless they are stated") {
  const DeviceModel device = small_memory();
  CHECK(seconds(1 << 10, 0, device) == Approx(seconds(1 << 10, 1, device)));
  CHECK(seconds(1 << 11, 0, device) == Approx(seconds(1 << 11, 2, device)));
  CHECK(seconds(1 << 20, 0, device) == Approx(seconds(1 << 20, 2, device)));
  CHECK(seconds(1 << 21, 0, device) == Approx(seconds(1 << 21, 3, device)));
  CHECK(seconds(1 << 21, 1, device) == Approx(2 * 16.0 * (1 << 21) / 1e12));
}

TEST_CASE("where a device keeps everything on chip, or states no size, a transform takes one pass") {
  DeviceModel unknown = small_memory(), distributed = small_memory();
  unknown.on_chip.l1_per_core.reset();
  CHECK(seconds(1 << 21, 0, unknown) == Approx(seconds(1 << 21, 1, unknown)));
  unknown.on_chip.total = Bytes(16.0 * 1024);
  CHECK(seconds(1 << 20, 0, unknown) == Approx(seconds(1 << 20, 2, unknown)));
  distributed.family = DeviceFamily::cpu;
  distributed.on_chip.l2 = Bytes(100 * 16.0 * 2048);  // a CPU core has its share of the L2 to itself
  CHECK(seconds(1 << 11, 0, distributed) == Approx(seconds(1 << 11, 1, distributed)));
}

}  // namespace orrery
