#include "analysis/goodput.hpp"

#include <cmath>

namespace orrery {

double expected_segment_s(double work_s, const ReliabilityInputs& in) {
  return in.mtbf_s * std::exp(in.restart_s / in.mtbf_s) * std::expm1((work_s + in.checkpoint_s) / in.mtbf_s);
}

// The condition falls from exp(C / M) - 1 at 0 to -1 at M: halved until neighbouring numbers are left.
double best_checkpoint_interval_s(const ReliabilityInputs& in) {
  double low = 0, high = 1;  // of the interval over M
  for (int halvings = 0; halvings < 200; ++halvings) {
    const double middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    // exp(x + c) (1 - x) > 1, without the cancellation of small x
    (middle + in.checkpoint_s / in.mtbf_s + std::log1p(-middle) > 0 ? low : high) = middle;
  }
  return low * in.mtbf_s;
}

GoodputMetrics goodput_of(const ReliabilityInputs& in, std::optional<double> time_to_train_s) {
  GoodputMetrics metrics;
  metrics.basis = in.basis;
  metrics.mtbf_s = in.mtbf_s;
  metrics.best_checkpoint_interval_s = best_checkpoint_interval_s(in);
  metrics.checkpoint_interval_s = in.interval_s.value_or(metrics.best_checkpoint_interval_s);
  metrics.goodput = metrics.checkpoint_interval_s / expected_segment_s(metrics.checkpoint_interval_s, in);
  if (time_to_train_s && metrics.goodput > 0) metrics.time_to_train_s = *time_to_train_s / metrics.goodput;
  return metrics;
}

}  // namespace orrery
