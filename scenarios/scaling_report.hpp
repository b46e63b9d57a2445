// A scaling study as a table, CSV, JSON and plots. Renders; computes nothing but shares of the iteration.
// A size that was not simulated is a row with its reason, and a gap in the plots.
#pragma once

#include <string>

#include "analysis/svg_plot.hpp"
#include "scenarios/scaling_study.hpp"

namespace orrery {

std::string scaling_table(const ScalingStudy&);
// One row per size; keys carry units as in the result document. Empty cells: not simulated.
std::string scaling_csv(const ScalingStudy&);
// {"orrery", "mode", "baseline_devices", "points": [{"devices", ..., "scaling_efficiency", "metrics"}]}
Json scaling_json(const ScalingStudy&);
// Throughput over devices, both logarithmic, with the ideal line from the baseline.
Plot throughput_plot(const ScalingStudy&);
// Efficiency over devices, the ideal at 100 %.
Plot efficiency_plot(const ScalingStudy&);
// Both, one below the other, as one SVG.
std::string scaling_svg(const ScalingStudy&);

}  // namespace orrery
