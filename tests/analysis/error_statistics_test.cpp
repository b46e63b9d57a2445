#include "analysis/error_statistics.hpp"

#include <cmath>

#include <catch2/catch.hpp>

using namespace orrery;

namespace {

PredictionRow row(double predicted, double measured) { return {predicted, measured, {}, {}}; }

}  // namespace

TEST_CASE("errors are fractions of the measurement, signed towards too slow") {
  const PredictionRow rows[] = {row(12, 10), row(9, 10), row(10, 10), row(15, 10)};
  const ErrorStatistics s = error_statistics(rows);
  CHECK(s.runs == 4);
  CHECK(*s.median_abs_error == Approx(0.15));
  CHECK(*s.mean_abs_error == Approx(0.2));
  CHECK(*s.worst_abs_error == Approx(0.5));
  CHECK(*s.p90_abs_error == Approx(0.2 + 0.7 * 0.3));
  CHECK(*s.bias == Approx(0.1));
}

TEST_CASE("the geometric error treats half and double alike") {
  const PredictionRow half[] = {row(5, 10)}, twice[] = {row(20, 10)};
  CHECK(*error_statistics(half).geomean_error == Approx(1));
  CHECK(*error_statistics(twice).geomean_error == Approx(1));
}

TEST_CASE("perfect predictions have no error and rank correlation one") {
  std::vector<PredictionRow> rows;
  for (int i = 1; i <= 6; ++i) rows.push_back(row(i, i));
  const ErrorStatistics s = error_statistics(rows);
  CHECK(*s.worst_abs_error == 0);
  CHECK(*s.geomean_error == 0);
  CHECK(*s.rank_correlation == Approx(1));
}

TEST_CASE("skipped rows count as runs and in nothing else") {
  const PredictionRow rows[] = {row(11, 10), {std::nullopt, 10, {}, {}}};
  const ErrorStatistics s = error_statistics(rows);
  CHECK(s.runs == 2);
  CHECK(s.simulated == 1);
  CHECK(*s.median_abs_error == Approx(0.1));
}

TEST_CASE("bands are judged by whether they hold the measurement and how wide they are") {
  const PredictionRow rows[] = {{10, 10, 9, 11}, {10, 20, 9, 11}, {10, 10, 10, 14}, {10, 10, {}, {}}, {10, 9, 9, 12}};
  const ErrorStatistics s = error_statistics(rows);
  CHECK(*s.share_in_band == Approx(0.75));
  CHECK(*s.median_band_width == Approx((0.2 + 3.0 / 9) / 2));
}

TEST_CASE("rank correlation averages tied ranks and is none where it has no meaning") {
  const std::vector<double> a = {1, 2, 2, 3, 4, 5}, b = {2, 1, 3, 4, 4, 9}, four = {1, 2, 3, 4},
                            flat = {1, 1, 1, 1, 1, 1};
  // Ranks 1, 2.5, 2.5, 4, 5, 6 and 2, 1, 3, 4.5, 4.5, 6: covariance 15, variances 17 each.
  CHECK(*spearman(a, b) == Approx(15.0 / 17));
  CHECK_FALSE(spearman(four, four));
  CHECK_FALSE(spearman(a, flat));
  const std::vector<double> rising = {1, 2, 3, 4, 5}, falling = {9, 7, 5, 3, 1};
  CHECK(*spearman(rising, falling) == Approx(-1));
}

TEST_CASE("no rows give no statistics, and null in the document") {
  const Json json = error_statistics_json(error_statistics({}));
  CHECK(json["runs"] == 0);
  for (const char* key : {"median_abs_error", "mean_abs_error", "p90_abs_error", "worst_abs_error", "bias",
                          "geomean_error", "share_in_band", "median_band_width"}) {
    INFO(key);
    REQUIRE(json.contains(key));
    CHECK(json[key].is_null());
  }
}

TEST_CASE("a measurement that is not positive is refused") {
  for (const double bad : {0.0, -1.0, std::nan("")}) {
    const PredictionRow rows[] = {row(1, bad)};
    CHECK_THROWS_AS(error_statistics(rows), std::invalid_argument);
  }
}

TEST_CASE("quantiles interpolate between order statistics") {
  CHECK(*quantile({4, 1, 3, 2}, 0.5) == Approx(2.5));
  CHECK(*quantile({4, 1, 3, 2}, 0) == 1);
  CHECK(*quantile({4, 1, 3, 2}, 1) == 4);
  CHECK_FALSE(quantile({}, 0.5));
}
