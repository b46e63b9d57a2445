// How well predictions meet measurements. Errors are fractions, signed as (predicted - measured) / measured. Means and
// medians of absolute errors hide a factor of two in one direction, so the geometric error exp(mean |ln(p/m)|) - 1, which
// treats half and double alike, stands beside them. Quantiles interpolate linearly between order statistics (Hyndman and
// Fan 1996, type 7, the usual default). Assumes positive measurements.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "sim/json.hpp"

namespace orrery {

struct PredictionRow {
  std::optional<double> predicted;  // none: skipped, not simulated
  double measured = 0;
  std::optional<double> low, high;  // the band that the prediction claims
};

struct ErrorStatistics {
  std::size_t runs = 0, simulated = 0;  // all rows, and those with a prediction
  // Over the simulated rows; none without any.
  std::optional<double> median_abs_error, mean_abs_error, p90_abs_error, worst_abs_error;
  std::optional<double> bias;           // median signed error
  std::optional<double> geomean_error;  // none when a prediction is not positive
  // Over the rows with a band: share with low <= measured <= high, median of (high - low) / measured.
  std::optional<double> share_in_band, median_band_width;
  // Spearman, ties averaged; none under five rows or when one side is constant.
  std::optional<double> rank_correlation;
};

// Throws std::invalid_argument when a measurement is not positive and finite.
ErrorStatistics error_statistics(std::span<const PredictionRow>);

// The object S of `validate --json` (architecture.md section 6); rank_correlation is the caller's to add.
Json error_statistics_json(const ErrorStatistics&);

// None when empty. `q` in [0, 1].
std::optional<double> quantile(std::vector<double> values, double q);
std::optional<double> median(std::vector<double> values);
std::optional<double> spearman(std::span<const double> a, std::span<const double> b);

}  // namespace orrery
