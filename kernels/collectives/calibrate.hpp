// Fits the calibrated costs of collectives to measured times. Samples are plain: a wired machine, a collective on it, and how
// long it took. The fit minimizes the weighted mean of |ln(predicted / measured)|, so that all sizes count alike, by a pattern
// search over the logarithms of the parameters (Hooke & Jeeves, J. ACM 8, 1961): deterministic, no derivatives, and the
// minimum over protocols needs no special care. Every parameter pays for the square of its logarithmic distance from the
// start, so that what the samples do not tell stays where the start put it; the result is a local minimum.
#pragma once

#include <set>
#include <span>

#include "kernels/collectives/options.hpp"

namespace orrery {

struct CollectiveSample {
  const Cluster* cluster = nullptr;
  CollectiveKind kind = CollectiveKind::all_reduce;
  std::vector<DeviceId> members;
  Bytes bytes{0};
  Seconds time{0};
  std::string algorithm = "auto";  // what the measurement is known to have run
  double weight = 1;
};

// ln(predicted / measured) of every sample.
std::vector<double> collective_errors(const CollectiveCalibration&, std::span<const CollectiveSample>);

struct CollectiveFit {
  CollectiveCalibration calibration;
  double error_before = 0, error_after = 0;  // weighted mean |ln|, without the price of moving
};

// Fits the costs of the named links, starting from `start`; costs no sample depends on keep their values.
CollectiveFit fit_collectives(CollectiveCalibration start, std::span<const CollectiveSample>,
                              const std::set<std::string>& links, double price_of_moving = 0.05);

}  // namespace orrery
