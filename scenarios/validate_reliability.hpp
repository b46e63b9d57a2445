// Predictions for measured rows of kind "reliability": how often a cluster or a job fails, and what is left of its time.
// Each figure is predicted in the unit it is printed in, from the published failure rate of the device's generation
// (models/reliability); what no failure rate decides is no prediction (CannotSimulate).
#pragma once

#include <string>

#include "scenarios/measured_rules.hpp"
#include "sim/spec.hpp"

namespace orrery {

struct ReliabilityFigure {
  std::string metric;  // the row's own key: "mttf_h"
  double measured = 0, predicted = 0;
};

ReliabilityFigure predicted_reliability(const MeasuredRow&, const Library&, RulesUsed&);

}  // namespace orrery
