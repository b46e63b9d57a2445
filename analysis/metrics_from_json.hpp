// The inverse of metrics_json: reads the metrics of a result document back, so that results of earlier runs can be
// compared, plotted and reported. What the document leaves null stays at its default; `mean`, which is not written, is
// rebuilt from the stages (weighted by their devices). Keys that are not known are ignored: the document may be newer.
#pragma once

#include <string>

#include "analysis/metrics.hpp"
#include "sim/json.hpp"

namespace orrery {

// `metrics`: the "metrics" object of one job.
JobMetrics job_metrics_from_json(const std::string& name, const Json& metrics);
// The device-weighted mean of stages; memory is of the fullest.
StageMetrics mean_of(const std::vector<StageMetrics>&);

}  // namespace orrery
