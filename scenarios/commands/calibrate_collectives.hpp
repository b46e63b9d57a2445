// The part of `orrery calibrate` that fits the costs of collectives: the fit, its table of links with samples and residuals,
// and the study that predicts each source by a fit that has not seen it.
#pragma once

#include <string>

#include "scenarios/collective_samples.hpp"

namespace orrery {

struct CollectiveCalibrationRun {
  CollectiveFit fit;
  std::map<std::string, int> skipped;  // rows by why
  std::vector<LeftOutSource> study;    // empty unless asked for
};

CollectiveCalibrationRun calibrate_collectives(std::span<const std::filesystem::path> files, bool leave_out,
                                               const Library&);
std::string collectives_text(const CollectiveCalibrationRun&);
Json collectives_json(const CollectiveCalibrationRun&);

}  // namespace orrery
