// Renderings of Metrics: the text an engineer reads first, the JSON a program reads, the trace a viewer opens.
// A report computes nothing.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "analysis/metrics.hpp"
#include "sim/json.hpp"

namespace orrery {

// What an engineer wants first: time per iteration, tokens/s, MFU/HFU, where the time went per pipeline stage, memory
// against capacity, energy. `notes` are printed at the end (folding, warnings). Width at most 120 columns, UTF-8.
std::string text_report(const Metrics&, const std::string& title, const std::vector<std::string>& notes);

// The "metrics" and "jobs" parts of the result document (keys carry units; see the README's table of keys).
Json metrics_json(const JobMetrics&);
Json metrics_json(const Metrics&);

// Chrome/Perfetto trace (JSON): one process per device, one thread per stream, nested slices for the kernels of a
// Compute, flow arrows from sender to receiver for transfers, counters for memory. `out` must be open.
void write_trace(std::ostream& out, const Timeline&, const Cluster&, const CostModel&);

}  // namespace orrery
