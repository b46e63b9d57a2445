// What a simulator has to beat. Two simple models, fitted on the very rows they are judged on (nothing left out), one set
// of numbers per device and precision:
//   constant MFU   time = model FLOPs / (MFU x peak)
//   roofline       time = FLOPs / (a x peak) + bytes / (b x memory bandwidth); two numbers, no network, no bubbles
// For collectives both are the wire time at the links' rate over one number. The FLOPs and bytes are those of the lowered
// program, so the roofline knows recomputation, sequence lengths and the slowest pipeline stage.
// For power rows that state a limit there is a third, without a number: a board draws its limit.
#pragma once

#include <optional>
#include <vector>

#include "scenarios/validate_predict.hpp"

namespace orrery {

struct Baselines {
  std::optional<double> constant_mfu, roofline;  // seconds
  std::optional<double> power_limit;             // watts
};

// In the order of the predictions; none for skipped rows. Fitted where `counts`, evaluated everywhere.
std::vector<Baselines> fit_baselines(const std::vector<Prediction>&, const std::vector<bool>& counts);

}  // namespace orrery
