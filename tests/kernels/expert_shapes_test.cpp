// Kernels of a mixture of experts: counts against closed forms, tiles of uneven experts against the exact count.
#include "kernels/expert_shapes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "kernels/shapes.hpp"
#include "tests/kernels/devices.hpp"

namespace orrery {

namespace {

// Tokens that each pick an expert, some more liked than others.
std::vector<std::int64_t> routed(int experts, int rows, double skew, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<double> liking;
  for (int e = 0; e < experts; ++e) liking.push_back(std::exp(skew * static_cast<double>(random() % 1000) / 1000));
  const double all = std::accumulate(liking.begin(), liking.end(), 0.0);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(experts), 0);
  for (int i = 0; i < rows; ++i) {
    double at = static_cast<double>(random() % 100000) / 100000 * all;
    std::size_t e = 0;
    while (e + 1 < counts.size() && at >= liking[e]) at -= liking[e++];
    ++counts[e];
  }
  return counts;
}

}  // namespace

TEST_CASE("even experts are a batched product, idle ones do not count") {
  const std::vector<std::int64_t> rows = {256, 0, 256, 256, 0};
  CHECK(grouped_gemm(rows, 4096, 7168, DataType::fp8) == gemm(256, 4096, 7168, DataType::fp8, 3));
}

TEST_CASE("uneven experts compute their rows only, and read each weight once") {
  const std::vector<std::int64_t> rows = {100, 300, 20};
  const Kernel k = grouped_gemm(rows, 512, 1024, DataType::bf16);
  CHECK(k.flops == 2.0 * 420 * 512 * 1024);
  CHECK(k.bytes == 2.0 * (420.0 * 1024 + 3.0 * 512 * 1024 + 420.0 * 512));
  CHECK(k.m == 300);
}

TEST_CASE("the tiles of uneven experts are expected within 15 % of the exact count") {
  for (const double skew : {0.0, 1.0, 3.0})
    for (const int rows : {512, 4096, 32768})
      for (const int tile : {32, 64, 128, 256}) {
        INFO("skew " << skew << ", " << rows << " rows, tile " << tile);
        const auto counts = routed(64, rows, skew, 7);
        double exact = 0;
        for (const std::int64_t n : counts) exact += static_cast<double>((n + tile - 1) / tile);
        const double expected = row_tiles(grouped_gemm(counts, 128, 128, DataType::bf16), tile);
        CHECK(expected == Approx(exact).epsilon(0.15));
        CHECK(expected >= std::ceil(rows / static_cast<double>(tile)));
      }
}

TEST_CASE("a skewed group costs at least what an even one does, and at most a batch padded to the busiest") {
  const DeviceModel device = test::plain_gpu();
  const DeviceCalibration calibration = test::perfect();
  const auto counts = routed(32, 8192, 2.0, 11);
  const std::int64_t busiest = *std::max_element(counts.begin(), counts.end());
  const auto time = [&](const Kernel& kernel) { return test::seconds_of(device, calibration, kernel); };
  const double skewed = time(grouped_gemm(counts, 2048, 4096, DataType::bf16));
  CHECK(skewed >= time(gemm(8192 / 32, 2048, 4096, DataType::bf16, 32)) * 0.999);
  CHECK(skewed < time(gemm(busiest, 2048, 4096, DataType::bf16, 32)));
}

TEST_CASE("neither more rows nor a busier expert ever take fewer tiles") {
  constexpr std::int64_t experts = 64, k = 256;
  for (const int tile : {32, 64, 128, 256}) {
    double before = 0;
    for (std::int64_t rows = experts; rows <= 24'000; ++rows) {
      const double tiles = row_tiles(grouped_gemm(rows, experts, 0, k, k, DataType::bf16), tile);
      if (tiles < before) FAIL_CHECK(rows << " rows: " << tiles << " tiles of " << tile << ", " << before << " before");
      before = tiles;
    }
    for (const std::int64_t rows : {8256, 8257, 8300}) {
      before = 0;
      for (std::int64_t busiest = (rows + experts - 1) / experts; busiest <= rows - experts + 1; ++busiest) {
        const double tiles = row_tiles(grouped_gemm(rows, experts, busiest, k, k, DataType::bf16), tile);
        if (tiles < before) FAIL_CHECK(rows << " rows, " << busiest << " on one expert: fewer tiles of " << tile);
        before = tiles;
      }
    }
  }
}

TEST_CASE("a router reads its logits and writes probabilities and choices, a combination reads what it sums") {
  CHECK(expert_router(1000, 64, 8).bytes == 1000.0 * (2 * 4 * 64 + 8 * 8));
  CHECK(expert_combine(1000, 4096, 8, DataType::bf16).bytes == 1000.0 * (4096 * 9 * 2.0 + 8 * 8));
  CHECK(expert_combine(1000, 4096, 8, DataType::bf16).bytes < routing(1000, 4096, 8, DataType::bf16).bytes);
}

}  // namespace orrery
