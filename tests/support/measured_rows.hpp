// A measured run as a file states it, complete, so that a test changes or leaves out what it is about; and what the reader
// makes of it.
#pragma once

#include <string>

#include "scenarios/measured_scenario.hpp"

namespace orrery::test {

Json gpt_run();       // of a GPT of 24 layers on 16 devices by Megatron-LM
Json a100_cluster();  // of DGX A100 nodes

std::string file_of(const Json& run, const Json& cluster = a100_cluster());
MeasuredRow row_of(const Json& run, const Json& cluster = a100_cluster());
Json scenario_of(const MeasuredRow&);
std::string reason_of(const MeasuredRow&);  // why there is no scenario; "" where there is one

}  // namespace orrery::test
