// A scenario simulated at several sizes, and what keeps it from scaling.
// Efficiency is throughput per device against a baseline size. Every size spends device-seconds per sequence
// (iteration_s x devices / sequences) on compute, exposed communication, bubble and other; perfect scaling keeps that
// sum, so what grew against the baseline is what the efficiency was lost to: 1 / efficiency - 1 = sum of the growths,
// each as a share of the baseline's sum. The named limit is the largest of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/metrics.hpp"
#include "scenarios/scaling.hpp"

namespace orrery {

struct Growth {
  std::string name;  // "bubble", "exposed all_reduce (data-parallel)", "small kernels", "host launch", "other"
  double share = 0;  // of the baseline's device-seconds per sequence
};

struct ScalingPoint {
  std::int64_t devices = 0, nodes = 0;
  bool simulated = false;  // else `reason` says why not
  bool feasible = false;   // simulated, and fits in memory
  std::string reason;
  std::vector<std::string> changes, warnings;
  JobMetrics metrics;    // when simulated
  Json result;           // its "metrics" object, scaling_efficiency filled in
  double sequences = 0;  // of the global batch
  std::optional<double> efficiency;
  std::vector<Growth> growths;  // against the baseline, largest first; empty for the baseline itself
};

struct ScalingStudy {
  std::string name;
  ScalingMode mode = ScalingMode::strong;
  std::int64_t baseline = 0;  // devices; 0: nothing could be simulated
  std::vector<ScalingPoint> points;
};

struct ScalingRequest {
  ScalingMode mode = ScalingMode::strong;
  std::vector<std::int64_t> devices;
  std::optional<std::int64_t> baseline;  // absent: the smallest size that fits in memory, else that can be simulated
  int jobs = 0;                          // simulated at a time; 0: one per processor
};

// Throws SpecError for a scenario that cannot be scaled, std::invalid_argument for a baseline that cannot be simulated.
ScalingStudy run_scaling(const Scenario&, const std::string& file, const Library&, const ScalingRequest&);

// Fills efficiency and growths of every simulated point from the point with `baseline` devices.
void compare_with_baseline(ScalingStudy&, std::int64_t baseline);

}  // namespace orrery
