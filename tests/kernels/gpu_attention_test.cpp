// Fused attention on a GPU: rate by generation and length, blocks of query rows, decoding.
#include "kernels/gpu_attention.hpp"

#include <catch2/catch.hpp>

#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

using test::perfect;
using test::plain_gpu;
using test::seconds_of;

namespace {

// 25 sequences x heads of 512 rows: 100 blocks, one full wave.
Kernel one_wave(bool causal = false, int generation = 2) {
  return attention(512, 512, 128, 5, 5, 5, causal, DataType::fp16, generation);
}

}  // namespace

TEST_CASE("attention that fills all cores takes its FLOPs over the peak") {
  CHECK(seconds_of(plain_gpu(), perfect(), one_wave()) == Approx(one_wave().flops / 100e12));
}

TEST_CASE("at the half length attention runs at half its rate") {
  DeviceCalibration calibration = perfect();
  calibration.attention.front().parameters.half_length = 512;
  CHECK(seconds_of(plain_gpu(), calibration, one_wave()) == Approx(2 * seconds_of(plain_gpu(), perfect(), one_wave())));
  calibration.attention.front().parameters.half_length = 0;
  calibration.attention.front().parameters.causal_half_length = 512;
  CHECK(seconds_of(plain_gpu(), calibration, one_wave()) == Approx(seconds_of(plain_gpu(), perfect(), one_wave())));
  CHECK(seconds_of(plain_gpu(), calibration, one_wave(true)) ==
        Approx(2 * seconds_of(plain_gpu(), perfect(), one_wave(true))));
}

TEST_CASE("an unknown newer generation falls back to the newest older one, an unknown older one to the oldest") {
  DeviceCalibration calibration = perfect();
  calibration.attention.clear();
  for (int generation : {2, 4}) {
    AttentionParameters parameters;
    parameters.generation = generation;
    calibration.attention.push_back({parameters, true, ""});
  }
  CHECK(attention_parameters(calibration, 1).parameters.generation == 2);
  CHECK(attention_parameters(calibration, 2).parameters.generation == 2);
  CHECK(attention_parameters(calibration, 3).parameters.generation == 2);
  CHECK(attention_parameters(calibration, 9).parameters.generation == 4);
}

TEST_CASE("a block of query rows more than a wave costs another wave") {
  const Kernel over = attention(512 + 128, 512, 128, 5, 5, 5, false, DataType::fp16, 2);
  CHECK(seconds_of(plain_gpu(), perfect(), over) == Approx(2 * seconds_of(plain_gpu(), perfect(), one_wave())));
}

TEST_CASE("decoding splits the keys over the cores and is bound by reading them") {
  const Kernel decode = attention(1, 32768, 128, 1, 8, 8, false, DataType::fp16, 2);
  CHECK(seconds_of(plain_gpu(), perfect(), decode) == Approx(decode.bytes / 1e12));
}

TEST_CASE("head dimensions that are no multiple of 8 leave the fast path") {
  const Kernel odd = attention(512, 512, 108, 5, 5, 5, false, DataType::fp16, 2);
  const double ideal = odd.flops / 100e12;
  CHECK(seconds_of(plain_gpu(), perfect(), odd) == Approx(ideal / 0.5));
}

TEST_CASE("newer generations of attention are never slower on the shipped GPUs") {
  for (const auto& name : test::shipped_names()) {
    const DeviceModel device = test::shipped(name);
    if (device.family != DeviceFamily::gpu || !matrix_peak(device, DataType::fp16)) continue;
    INFO(name);
    const auto calibration = resolve_calibration(device, Library::installed());
    double before = 1e9;
    for (int generation : {1, 2, 3}) {
      const double now = seconds_of(device, calibration,
                                    attention(4096, 4096, 128, 4, 32, 32, true, DataType::fp16, generation));
      CHECK(now <= before);
      before = now;
    }
  }
}

}  // namespace orrery
