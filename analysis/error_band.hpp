// The nominal 90 % band of a prediction, from the errors that its parts made elsewhere. Data: for each class of kernels and
// of links the 5th, 50th and 95th percentile of ln(measured / predicted) on devices left out of the fit; and, for kernels
// inside the range that was measured on the very device, on shapes left out of the fit.
// Combination: a class errs as a whole (its parts are fully correlated), classes err independently, each weighs as much as
// its share of the critical path: deviations of classes from the prediction add in quadrature, in seconds. Time that no
// class explains (bubble, waiting) stretches with the rest. What no class explains (framework, network, power) is one more
// term of the whole. An approximation: percentiles of a sum are not sums of percentiles; coverage is measured, not derived.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/spec.hpp"

namespace orrery {

struct ErrorBand {  // ln(measured / predicted); the median is for the reader
  double low = 0, median = 0, high = 0;
};

struct BandClass {
  std::string name;
  std::vector<std::string> members;   // kernel kinds; links have none
  ErrorBand band;                     // of devices left out
  std::optional<ErrorBand> measured;  // of shapes left out, on measured devices
  int samples = 0, groups = 0;        // groups: devices (kernels), machines (links), sources (unexplained)
  std::string note;
};

struct ErrorBands {  // kernels/calibration/bands.json
  std::string name, title;
  std::vector<BandClass> kernels, links;
  BandClass unexplained;
  Json sources;
};

void fields(Fields&, ErrorBands&);

// Seconds (or any weights) by class name; time on measured devices under measured_share(name).
std::string measured_share(const std::string& class_name);
using ClassShares = std::map<std::string, double>;

// The class of a kernel kind; null when none has it.
const BandClass* class_of(const std::vector<BandClass>&, std::string_view member);

// What a prediction is multiplied with to get the ends of its band. `low` is above 0.
struct BandFactors {
  double low = 1, high = 1;
};
// Shares of classes that `bands` does not know are left out. Without any share only the unexplained term is left.
BandFactors explained_band(const ErrorBands&, const ClassShares&);
BandFactors whole_band(const ErrorBands&, const ClassShares&);  // with the unexplained term

// Percentiles of residuals ln(measured / predicted) with weights: the value at which the running weight, counted to the
// middle of each sample, reaches q, interpolated. Throws std::invalid_argument without samples.
struct WeightedResidual {
  double value = 0, weight = 1;
};
double weighted_quantile(std::vector<WeightedResidual>, double q);
ErrorBand band_of(const std::vector<WeightedResidual>&);

}  // namespace orrery
