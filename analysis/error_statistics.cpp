#include "analysis/error_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace orrery {
namespace {

std::optional<double> mean(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// 1 for the smallest; equal values share the mean of their ranks.
std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i + 1;
    while (end < order.size() && values[order[end]] == values[order[i]]) ++end;
    const double shared = (static_cast<double>(i + 1) + static_cast<double>(end)) / 2;
    for (; i < end; ++i) rank[order[i]] = shared;
  }
  return rank;
}

}  // namespace

std::optional<double> quantile(std::vector<double> values, double q) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const double at = std::clamp(q, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

std::optional<double> median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

std::optional<double> spearman(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) throw std::invalid_argument("rank correlation of two lists of different length");
  if (a.size() < 5) return std::nullopt;
  const std::vector<double> ra = ranks(a), rb = ranks(b);
  const double middle = (static_cast<double>(a.size()) + 1) / 2;
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < ra.size(); ++i) {
    ab += (ra[i] - middle) * (rb[i] - middle);
    aa += (ra[i] - middle) * (ra[i] - middle);
    bb += (rb[i] - middle) * (rb[i] - middle);
  }
  if (aa <= 0 || bb <= 0) return std::nullopt;
  return ab / std::sqrt(aa * bb);
}

ErrorStatistics error_statistics(std::span<const PredictionRow> rows) {
  std::vector<double> signed_errors, abs_errors, log_errors, widths, in_band, predicted, measured;
  bool all_positive = true;
  for (const PredictionRow& row : rows) {
    if (!(row.measured > 0) || !std::isfinite(row.measured))
      throw std::invalid_argument("error statistics need positive measurements");
    if (!row.predicted) continue;
    const double p = *row.predicted, m = row.measured;
    predicted.push_back(p);
    measured.push_back(m);
    signed_errors.push_back((p - m) / m);
    abs_errors.push_back(std::abs(p - m) / m);
    all_positive = all_positive && p > 0;
    if (p > 0) log_errors.push_back(std::abs(std::log(p / m)));
    if (!row.low || !row.high) continue;
    in_band.push_back(*row.low <= m && m <= *row.high ? 1 : 0);
    widths.push_back((*row.high - *row.low) / m);
  }
  ErrorStatistics s;
  s.runs = rows.size();
  s.simulated = predicted.size();
  s.median_abs_error = median(abs_errors);
  s.mean_abs_error = mean(abs_errors);
  s.p90_abs_error = quantile(abs_errors, 0.9);
  s.worst_abs_error = quantile(abs_errors, 1);
  s.bias = median(signed_errors);
  if (all_positive && !log_errors.empty()) s.geomean_error = std::expm1(*mean(log_errors));
  s.share_in_band = mean(in_band);
  s.median_band_width = median(widths);
  s.rank_correlation = spearman(predicted, measured);
  return s;
}

Json error_statistics_json(const ErrorStatistics& s) {
  const auto number = [](const std::optional<double>& value) {
    return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
  };
  Json json;
  json["runs"] = s.runs;
  json["simulated"] = s.simulated;
  json["median_abs_error"] = number(s.median_abs_error);
  json["mean_abs_error"] = number(s.mean_abs_error);
  json["p90_abs_error"] = number(s.p90_abs_error);
  json["worst_abs_error"] = number(s.worst_abs_error);
  json["bias"] = number(s.bias);
  json["geomean_error"] = number(s.geomean_error);
  json["share_in_band"] = number(s.share_in_band);
  json["median_band_width"] = number(s.median_band_width);
  return json;
}

}  // namespace orrery
