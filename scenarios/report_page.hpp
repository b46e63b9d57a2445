// The report page of one or several results: each result's summary, times, memory, energy, scenario and warnings; before
// them, when there are several, an overview, and a scaling section (one model at different numbers of devices) or a
// comparison (two results). Documents of `orrery scale` are scaling sections of their own.
#pragma once

#include <string>
#include <vector>

#include "scenarios/result_input.hpp"
#include "scenarios/scaling_study.hpp"

namespace orrery {

// Every input is a result or a scaling study (result_input.hpp).
std::string report_page(const std::vector<ResultInput>&);

// A study from the document of `orrery scale --json`; sizes that were not simulated keep their reason.
ScalingStudy scaling_from_json(const Json&);
// A study from results of one job each that run the same model on different numbers of devices; without points when they
// are something else. Strong scaling when the global batch is the same, else weak.
ScalingStudy scaling_from_results(const std::vector<ResultInput>&);

}  // namespace orrery
