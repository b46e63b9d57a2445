// Renderings of Metrics: the text an engineer reads first, the JSON a program reads, the trace a viewer opens.
// A report computes nothing.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "analysis/metrics.hpp"
#include "analysis/trace_scope.hpp"
#include "sim/json.hpp"

namespace orrery {

struct TextStyle {
  bool colour = false;  // ANSI escapes, for a terminal
};

// What an engineer wants first: time per iteration, tokens/s, MFU/HFU, where the time went per pipeline stage, memory
// against capacity, energy. `notes` are printed at the end (folding, warnings). At most 100 columns of UTF-8; of more than
// 8 stages only the first, the one with the most compute, the last and the mean are shown.
std::string text_report(const Metrics&, const std::string& title, const std::vector<std::string>& notes,
                        TextStyle = {});

// {"feasible", "metrics", "jobs"} of the result document (architecture.md section 6). Keys carry units; what cannot be
// computed is null. "metrics" are the job's when there is one job, else only what the whole run has.
Json metrics_json(const Metrics&);
// The "metrics" object of one job, with "stages".
Json metrics_json(const JobMetrics&);

// Chrome/Perfetto trace (JSON): one process per device, one thread per stream, nested slices for the kernels of a
// Compute, flow arrows from sender to receiver for messages, counters for memory. `out` must be open.
void write_trace(std::ostream& out, const Timeline&, const Cluster&, const CostModel&, const TraceLimits& = {});

}  // namespace orrery
