// One measured row in, one predicted number out: training rows through run_scenario, single forward or backward passes
// and kernels through the cost model, collectives as planned transfers that share no link with others. Pure: the same row
// gives the same answer in any process and any order. A row that cannot be predicted says why; nothing is thrown.
#pragma once

#include <optional>
#include <string>

#include "analysis/error_band.hpp"
#include "scenarios/measured_rules.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/validate_log.hpp"

namespace orrery {

struct Prediction {
  std::string metric;              // "iteration_s", "time_s", "average_power_W"
  std::optional<double> measured;  // of that metric
  std::optional<double> predicted, low, high;
  bool banded = true;        // false on devices whose family was compared with no measurement
  ClassShares shares;        // of the critical path, by error class; low and high follow from them
  std::string skipped;       // why there is no prediction; "" = there is one
  std::string assumed;       // names of the rules used
  std::string software;      // profile, for training rows
  bool fits = true;          // in memory, as predicted
  std::string kernel_class;  // of kernel rows: gemm, attention, memory-bound, layer; "" where it is not known
  // What simple models need: seconds at the data sheet's matrix rate of the model's FLOPs, of all FLOPs, and at the
  // data sheet's memory bandwidth; "device, precision" they are fitted for. Empty group: no such models.
  std::string group;
  double model_flops_s = 0, hardware_flops_s = 0, memory_s = 0;
  std::optional<double> power_limit;  // of power rows that state one, in watts within the boundary of `measured`
};

Prediction predict(const MeasuredRow&, Fidelity, const Library&);

// A user's scenario: its first job.
struct PredictedStep {
  Prediction prediction;
  StepWork work;  // as simulated
};
PredictedStep predict_scenario(const ScenarioDocument&, const Library&);

// The scenario of a training or power row as `--show` prints it. CannotSimulate for rows that are no scenario.
Json shown_scenario(const MeasuredRow&, Fidelity, const Library&);

Json prediction_json(const Prediction&);  // for the pipe between processes
Prediction prediction_from_json(const Json&);

}  // namespace orrery
