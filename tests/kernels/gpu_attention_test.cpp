// Fused attention on a GPU: rate by generation and length, blocks of query rows, decoding.
#include "kernels/gpu_attention.hpp"

#include <limits>

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

TEST_CASE("what hardware FLOPs count of attention changes nothing about its time") {
  for (const bool causal : {false, true}) {
    const Kernel kernel = one_wave(causal);
    Kernel counted = kernel;
    counted.counted *= 2;
    CHECK(seconds_of(plain_gpu(), perfect(), counted) == seconds_of(plain_gpu(), perfect(), kernel));
  }
}

TEST_CASE("attention under a window takes the time of the pairs that the window leaves") {
  const Kernel causal = attention(8192, 8192, 128, 40, 40, 40, true, DataType::fp16, 2);
  const Kernel cut = windowed(causal, 1024);
  const double pairs = 8192.0 * 1024 - 1024.0 * 1024 / 2, all = 8192.0 * 8192 / 2;
  CHECK(cut.flops == Approx(causal.flops * pairs / all));
  CHECK(window_share(cut) == Approx(pairs / all));
  CHECK(cut.flops * cut.counted == Approx(causal.flops * causal.counted / 8));
  // 1024 waves of the mean, and a quarter of the longest block more.
  CHECK(seconds_of(plain_gpu(), perfect(), cut) == Approx(cut.flops / 100e12 * (1 + 0.25 * 1024 / 960 / 1024)));
  CHECK(windowed(causal, 8192) == causal);
  CHECK_FALSE(attention_calibrated(perfect().attention.front(), cut));
}

TEST_CASE("heads that share keys are packed into one block only where that is faster") {
  for (const char* name : {"nvidia-a100-sxm4-80gb", "nvidia-h100-sxm5-80gb", "amd-mi300x"}) {
    const DeviceModel device = test::shipped(name);
    const DeviceCalibration calibration = resolve_calibration(device, Library::installed());
    for (const std::int64_t rows : {1, 8, 64})
      for (const std::int64_t keys : {64, 1024, 16384}) {
        double more = std::numeric_limits<double>::infinity();
        for (const int shared : {32, 16, 8, 4, 2, 1}) {  // key-value heads: the fewer, the less there is to read
          const double now = seconds_of(device, calibration,
                                        attention(rows, keys, 128, 1, 32, shared, false, DataType::bf16, 2));
          CAPTURE(name, rows, keys, shared);
          CHECK(now <= more * (1 + 1e-12));
          more = now;
        }
      }
  }
}

TEST_CASE("more query rows of a block that is computed whole never take less time") {
  const DeviceModel device = test::shipped("nvidia-a100-sxm4-80gb");
  const DeviceCalibration calibration = resolve_calibration(device, Library::installed());
  double before = 0;
  for (std::int64_t rows = 3969; rows <= 4224; ++rows) {
    const double now = seconds_of(device, calibration,
                                  attention(rows, 4096 + 256, 128, 1, 8, 1, true, DataType::bf16, 2));
    CAPTURE(rows);
    CHECK(now >= before * (1 - 1e-12));
    before = now;
  }
}

TEST_CASE("at the half length attention runs at half its rate") {
  DeviceCalibration calibration = perfect();
  calibration.attention.front().parameters.half_length = 512;
  CHECK(seconds_of(plain_gpu(), calibration, one_wave()) == Approx(2 * seconds_of(plain_gpu(), perfect(), one_wave())));
  calibration.attention.front().parameters.half_length = 0;
  calibration.attention.front().parameters.causal_half_length = 256;
  CHECK(seconds_of(plain_gpu(), calibration, one_wave()) == Approx(seconds_of(plain_gpu(), perfect(), one_wave())));
  const Kernel causal = attention(512, 512, 128, 40, 40, 40, true, DataType::fp16, 2);  // 64 waves
  // Half a mean block more, of the 64 blocks that a core computes.
  CHECK(seconds_of(plain_gpu(), perfect(), causal) == Approx(causal.flops / 100e12 * 64.5 / 64));
  CHECK(seconds_of(plain_gpu(), calibration, causal) == Approx(causal.flops / 100e12 * 96.5 / 64));
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

TEST_CASE("a wave of causal blocks takes as long as its longest, whose last row sees all keys") {
  CHECK(seconds_of(plain_gpu(), perfect(), one_wave(true)) == Approx(seconds_of(plain_gpu(), perfect(), one_wave())));
  const Kernel last_rows = attention(128, 4096, 128, 10, 10, 10, true, DataType::fp16, 2);
  const Kernel unmasked = attention(128, 4096, 128, 10, 10, 10, false, DataType::fp16, 2);
  CHECK(seconds_of(plain_gpu(), perfect(), last_rows) == Approx(seconds_of(plain_gpu(), perfect(), unmasked)));
}

TEST_CASE("causal attention never gets faster when queries or keys grow by a block, nor slower than without a mask") {
  const DeviceModel device = test::shipped("nvidia-h100-sxm5-80gb");
  const auto calibration = resolve_calibration(device, Library::installed());
  const auto seconds = [&](std::int64_t queries, std::int64_t keys, bool causal) {
    return seconds_of(device, calibration, attention(queries, keys, 128, 1, 16, 16, causal, DataType::bf16, 2));
  };
  for (std::int64_t keys : {1024, 4096, 8192})
    for (std::int64_t queries = 128; queries <= 8192; queries += 128) {
      INFO(queries << " queries, " << keys << " keys");
      CHECK(seconds(queries + 128, keys, true) >= seconds(queries, keys, true));
      CHECK(seconds(queries, keys + 128, true) >= seconds(queries, keys, true));
      CHECK(seconds(queries, keys, true) <= seconds(queries, keys, false) * (1 + 1e-12));
    }
}

TEST_CASE("keys are split as well when a few blocks of many rows leave cores idle") {
  // 8 blocks on 100 cores, in 12 parts each: 96 at once, each a twelfth of the keys.
  DeviceModel device = plain_gpu();
  device.memory.bandwidth = BytesPerSecond(1e15);
  device.power = {};
  const Kernel few = attention(128, 32768, 128, 1, 8, 8, false, DataType::fp16, 2);
  CHECK(seconds_of(device, perfect(), few) == Approx(few.flops / 100e12 * 100 / 96));
  const auto time = [&](std::int64_t rows) {
    return seconds_of(device, perfect(), attention(rows, 32768, 128, 1, 8, 8, false, DataType::fp16, 2));
  };
  CHECK(time(65) == Approx(2 * time(64)));  // a block of 128 rows instead of 64, and no cliff
}

TEST_CASE("the partial outputs of split keys are written and read once, and another kernel joins them") {
  DeviceCalibration calibration = perfect();
  calibration.memory.parameters.launch = Seconds(1e-6);
  const Kernel few = attention(128, 32768, 128, 1, 8, 8, false, DataType::fp16, 2);
  DeviceModel device = plain_gpu();
  device.peak.fp16 = FlopsPerSecond(1e18);
  device.memory.bandwidth = BytesPerSecond(1e15);
  device.power = {};
  const double split = seconds_of(device, calibration, few);
  CHECK(split == Approx(few.flops / 1e18 * 100 / 8).epsilon(1e-6));  // 0.4 us unsplit: not worth 1 us
  device.peak.fp16 = FlopsPerSecond(1e14);
  CHECK(seconds_of(device, calibration, few) == Approx(few.flops / 1e14 * 100 / 96 + 1e-6));
}

TEST_CASE("in decoding the heads that share keys share a block, so that more of them read no more") {
  const auto decode = [](std::int64_t heads) {
    return attention(1, 131072, 128, 16, heads, 8, false, DataType::bf16, 2);
  };
  const DeviceModel device = test::shipped("nvidia-h100-sxm5-80gb");
  const auto calibration = resolve_calibration(device, Library::installed());
  const double own = seconds_of(device, calibration, decode(8));
  for (std::int64_t heads : {64, 128, 256}) CHECK(seconds_of(device, calibration, decode(heads)) < 1.05 * own);
}

TEST_CASE("decoding splits the keys over the cores and is bound by reading them") {
  const Kernel decode = attention(1, 32768, 128, 1, 8, 8, false, DataType::fp16, 2);
  CHECK(seconds_of(plain_gpu(), perfect(), decode) == Approx(decode.bytes / 1e12).epsilon(1e-3));
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
