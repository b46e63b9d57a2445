#include "analysis/error_band.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace orrery {

void fields(Fields& f, ErrorBand& band) {
  f.required("low", band.low);
  f("median", band.median);
  f.required("high", band.high);
  f.check(band.low <= band.median && band.median <= band.high, "", "low <= median <= high", "another order");
}

void fields(Fields& f, BandClass& c) {
  f("class", c.name);
  f("members", c.members);
  f.required("left_out", c.band);
  f("measured", c.measured);
  f("samples", c.samples, Need::optional, non_negative);
  f("groups", c.groups, Need::optional, non_negative);
  f("note", c.note);
}

void fields(Fields& f, ErrorBands& bands) {
  f.required("name", bands.name);
  f.required("title", bands.title);
  f.required("kernels", bands.kernels);
  f.required("links", bands.links);
  f.required("unexplained", bands.unexplained);
  f.raw("sources", bands.sources, Need::required);
}

std::string measured_share(const std::string& class_name) { return class_name + ", measured"; }

const BandClass* class_of(const std::vector<BandClass>& classes, std::string_view member) {
  for (const BandClass& c : classes)
    if (std::find(c.members.begin(), c.members.end(), member) != c.members.end()) return &c;
  return nullptr;
}

namespace {

// Deviations as fractions of the prediction.
struct Sides {
  double below = 0, above = 0;

  void add(const ErrorBand& band, double share) {
    below += share * std::max(0.0, 1 - std::exp(band.low));
    above += share * std::max(0.0, std::exp(band.high) - 1);
  }
};

// Independent ones, squared.
struct Spread {
  double below = 0, above = 0;

  void add(const Sides& sides) {
    below += sides.below * sides.below;
    above += sides.above * sides.above;
  }
  // Each deviation below is less than its share of the whole, so the root of their squares stays below 1.
  BandFactors factors() const { return {1 - std::sqrt(below), 1 + std::sqrt(above)}; }
};

Spread explained(const ErrorBands& bands, const ClassShares& shares) {
  const auto share_of = [&](const std::string& name) {
    const auto it = shares.find(name);
    return it == shares.end() ? 0.0 : std::max(0.0, it->second);
  };
  double total = 0;
  for (const auto* classes : {&bands.kernels, &bands.links})
    for (const BandClass& c : *classes) total += share_of(c.name) + share_of(measured_share(c.name));
  Spread spread;
  if (!(total > 0)) return spread;
  for (const auto* classes : {&bands.kernels, &bands.links})
    for (const BandClass& c : *classes) {
      Sides of_class;  // one error for all of it
      of_class.add(c.band, share_of(c.name) / total);
      of_class.add(c.measured.value_or(c.band), share_of(measured_share(c.name)) / total);
      spread.add(of_class);
    }
  return spread;
}

}  // namespace

BandFactors explained_band(const ErrorBands& bands, const ClassShares& shares) {
  return explained(bands, shares).factors();
}

BandFactors whole_band(const ErrorBands& bands, const ClassShares& shares) {
  constexpr double least = 0.01;  // a time is positive, whatever two independent terms add up to
  Spread spread = explained(bands, shares);
  Sides unexplained;
  unexplained.add(bands.unexplained.band, 1);
  spread.add(unexplained);
  const BandFactors factors = spread.factors();
  return {std::max(least, factors.low), factors.high};
}

double weighted_quantile(std::vector<WeightedResidual> samples, double q) {
  if (samples.empty()) throw std::invalid_argument("a quantile of no samples");
  std::stable_sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
  double total = 0;
  for (const WeightedResidual& s : samples) total += s.weight;
  double running = 0, before_at = 0, before_value = samples.front().value;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double at = (running + samples[i].weight / 2) / total;
    if (q <= at)
      return i == 0 ? samples[0].value
                    : before_value + (samples[i].value - before_value) * (q - before_at) / (at - before_at);
    before_at = at;
    before_value = samples[i].value;
    running += samples[i].weight;
  }
  return samples.back().value;
}

ErrorBand band_of(const std::vector<WeightedResidual>& samples) {
  return {weighted_quantile(samples, 0.05), weighted_quantile(samples, 0.5), weighted_quantile(samples, 0.95)};
}

}  // namespace orrery
