// The nominal band of a prediction: what a class alone, several classes and unknown time give.
#include "analysis/error_band.hpp"

#include <cmath>
#include <set>

#include <catch2/catch.hpp>

#include "sim/kernel.hpp"

using namespace orrery;

namespace {

ErrorBands two_classes() {
  ErrorBands bands;
  BandClass products{"gemm", {"gemm"}, {-0.2, 0, 0.3}, ErrorBand{-0.1, 0, 0.1}, 0, 0, ""};
  BandClass links{"scale-up", {"tensor-parallel"}, {-0.2, 0, 0.3}, std::nullopt, 0, 0, ""};
  bands.kernels = {products};
  bands.links = {links};
  bands.unexplained.band = {-0.15, 0, 0.25};
  return bands;
}

}  // namespace

TEST_CASE("time of one class carries exactly the percentiles of that class") {
  const BandFactors factors = explained_band(two_classes(), {{"gemm", 3.0}});
  CHECK(factors.low == Approx(std::exp(-0.2)));
  CHECK(factors.high == Approx(std::exp(0.3)));
}

TEST_CASE("time on measured devices carries the narrower band of shapes left out") {
  const BandFactors factors = explained_band(two_classes(), {{measured_share("gemm"), 3.0}});
  CHECK(factors.low == Approx(std::exp(-0.1)));
  CHECK(factors.high == Approx(std::exp(0.1)));
}

TEST_CASE("two equal shares of independent classes make a band narrower by the root of two") {
  const BandFactors factors = explained_band(two_classes(), {{"gemm", 1.0}, {"scale-up", 1.0}});
  CHECK(factors.high - 1 == Approx((std::exp(0.3) - 1) / std::sqrt(2)));
  CHECK(1 - factors.low == Approx((1 - std::exp(-0.2)) / std::sqrt(2)));
}

TEST_CASE("parts of one class, measured or not, err together: their deviations add up") {
  const BandFactors factors = explained_band(two_classes(), {{"gemm", 1.0}, {measured_share("gemm"), 1.0}});
  CHECK(factors.high - 1 == Approx((std::exp(0.3) - 1) / 2 + (std::exp(0.1) - 1) / 2));
}

TEST_CASE("only proportions of shares matter, and classes nobody knows are left out") {
  const BandFactors a = explained_band(two_classes(), {{"gemm", 2.0}, {"scale-up", 1.0}});
  const BandFactors b = explained_band(two_classes(), {{"gemm", 200.0}, {"scale-up", 100.0}, {"warp drive", 7.0}});
  CHECK(a.low == Approx(b.low));
  CHECK(a.high == Approx(b.high));
}

TEST_CASE("what no class explains widens every band, and stands alone without shares") {
  const ErrorBands bands = two_classes();
  const BandFactors alone = whole_band(bands, {});
  CHECK(alone.low == Approx(std::exp(-0.15)));
  CHECK(alone.high == Approx(std::exp(0.25)));
  const BandFactors narrow = explained_band(bands, {{"gemm", 1.0}}), wide = whole_band(bands, {{"gemm", 1.0}});
  CHECK(wide.low < narrow.low);
  CHECK(wide.high > narrow.high);
}

TEST_CASE("the low end of a band is a positive time, however large the errors are") {
  ErrorBands bands = two_classes();
  bands.kernels[0].band.low = bands.unexplained.band.low = -8;
  CHECK(whole_band(bands, {{"gemm", 1.0}}).low > 0);
}

TEST_CASE("weighted quantiles: equal weights meet the plain median, and a weight of two is two samples") {
  CHECK(weighted_quantile({{3, 1}, {1, 1}, {2, 1}}, 0.5) == 2);
  CHECK(weighted_quantile({{1, 1}, {2, 1}, {3, 2}}, 0.95) == 3);
  CHECK(weighted_quantile({{1, 3}, {9, 1}}, 0.1) == 1);
  CHECK(weighted_quantile({{1, 1}, {2, 1}}, 0.5) == Approx(1.5));
  CHECK_THROWS(weighted_quantile({}, 0.5));
}

TEST_CASE("the shipped bands name every kernel kind that was measured, and links inside and between nodes") {
  const std::set<std::string_view> unmeasured = {"stencil", "fft", "sparse-matrix-vector", "spiking-step"};
  const auto bands = load_part<ErrorBands>("kernels/calibration", "bands", Library::installed());
  for (const std::string_view kind : kernel_kind_names)
    CHECK((class_of(bands.kernels, kind) == nullptr) == unmeasured.contains(kind));
  for (const char* link : {"scale-up", "scale-out"})
    CHECK(std::ranges::count(bands.links, std::string(link), &BandClass::name) == 1);
  for (const auto* classes : {&bands.kernels, &bands.links})
    for (const BandClass& c : *classes) {
      INFO(c.name);
      CHECK(c.band.low < 0);
      CHECK(c.band.high > 0);
      CHECK(c.samples > 0);
    }
  CHECK_FALSE(bands.sources.empty());
}
