#include <cmath>

#include <fmt/format.h>

#include "analysis/svg_plot.hpp"

namespace orrery {
namespace {

// Multiples of 1, 2 or 5 times a power of ten, about six of them.
std::vector<double> linear_ticks(double low, double high) {
  const double wanted = (high - low) / 6;
  const double power = std::pow(10, std::floor(std::log10(wanted)));
  double step = 10 * power;
  for (const double nice : {5.0, 2.0, 1.0})
    if (nice * power >= wanted) step = nice * power;
  std::vector<double> ticks;
  const double slack = (high - low) * 1e-9;
  for (double i = std::ceil((low - slack) / step); i * step <= high + slack; ++i) ticks.push_back(i * step);
  return ticks;
}

std::vector<double> logarithmic_ticks(double low, double high, const std::vector<double>& mantissas, int every) {
  std::vector<double> ticks;
  const int first = static_cast<int>(std::floor(std::log10(low))), last = static_cast<int>(std::ceil(std::log10(high)));
  for (int power = first; power <= last; ++power) {
    if (power % every != 0) continue;
    for (const double m : mantissas) {
      const double tick = m * std::pow(10, power);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push_back(tick);
    }
  }
  return ticks;
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, AxisScale scale) {
  if (!(high > low)) return {low};
  if (scale == AxisScale::linear || low <= 0) return linear_ticks(low, high);
  const double decades = std::log10(high / low);
  if (decades > 8) return logarithmic_ticks(low, high, {1}, static_cast<int>(std::ceil(decades / 8)));
  if (decades > 3) return logarithmic_ticks(low, high, {1}, 1);
  if (decades > 2) return logarithmic_ticks(low, high, {1, 3}, 1);
  if (decades > 0.8) return logarithmic_ticks(low, high, {1, 2, 5}, 1);
  return linear_ticks(low, high);
}

std::string tick_text(double value) {
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 1e-4 || size >= 1e15) return fmt::format("{:.3g}", value);
  constexpr std::string_view prefixes[] = {"", "k", "M", "G", "T"};
  std::size_t p = 0;
  while (std::abs(value) >= 1000 * (1 - 1e-9) && p + 1 < std::size(prefixes)) {
    value /= 1000;
    ++p;
  }
  return fmt::format("{:.4g}{}", value, prefixes[p]);
}

}  // namespace orrery
