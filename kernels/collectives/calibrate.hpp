// Fits the calibrated costs of collectives to measured times. Samples are plain: a wired machine, a collective on it, and how
// long it took. The fit minimizes the weighted sum of |ln(predicted / measured)|, so that all sizes count alike, plus a
// price for every parameter's distance from its prior in units of how far such parameters are thought to spread: what the
// samples do not tell stays with the family, the class or NCCL's tuning table. A pattern search over the logarithms (Hooke &
// Jeeves, J. ACM 8, 1961): deterministic, no derivatives, and the minimum over algorithms and protocols needs no special
// care. A step of a class or family moves the rows below it along. The result is a local minimum.
#pragma once

#include <span>
#include <string>

#include "kernels/collectives/options.hpp"

namespace orrery {

struct CollectiveSample {
  const Cluster* cluster = nullptr;
  CollectiveKind kind = CollectiveKind::all_reduce;
  std::vector<DeviceId> members;
  Bytes bytes{0};
  Seconds time{0};
  std::string algorithm = "auto", protocol = "auto";  // what the measurement is known to have run
  std::string source;                                 // the system it comes from
};

// Samples with their routing done; those of one group share it.
class RoutedCollectives {
 public:
  explicit RoutedCollectives(std::span<const CollectiveSample>);

  struct Sample {
    std::size_t options = 0;  // index into `options`
    double bytes = 0, seconds = 0;
    std::string source;
  };
  std::vector<std::vector<CollectiveOption>> options;
  std::vector<Sample> samples;
};

// ln(predicted / measured) of every sample.
std::vector<double> collective_errors(const CollectiveCalibration&, const RoutedCollectives&);

struct CollectiveFit {
  CollectiveCalibration calibration;
  double error_before = 0,
         error_after = 0;  // mean |ln(predicted / measured)|, every source weighing the root of its rows
};

// Rows without samples keep their values; links that the samples cross get rows of their own. Samples of the source
// `left_out` are not looked at, nor is what an earlier fit made of them.
CollectiveFit fit_collectives(CollectiveCalibration, const RoutedCollectives&, const std::string& left_out = "");

}  // namespace orrery
