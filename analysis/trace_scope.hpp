// Which part of a run a trace shows. Viewers load some hundred megabytes; a trace of everything can be many times that (a
// slice takes some 160 bytes). Devices are taken stage by stage: one of each stage of each job, then a second of each, so
// that few show the whole pipeline and its messages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/timeline.hpp"

namespace orrery {

struct TraceLimits {                            // absent: no limit
  std::optional<std::size_t> devices;           // of those simulated
  std::optional<std::size_t> slices = 400'000;  // as many devices as have no more together, but at least one
  std::optional<int> iterations = 1;            // the last ones of each job
};

struct TraceScope {
  std::vector<bool> shown;  // by DeviceId
  double start_s = 0, end_s = 0;
  std::string left_out;  // "8 of 64 simulated devices, 1 of 5 iterations"; empty: nothing

  bool shows(DeviceId d) const { return d.index() < shown.size() && shown[d.index()]; }
  bool shows(const Record& r) const {
    return (r.end_s > start_s || r.start_s >= start_s) && (r.start_s < end_s || r.end_s <= end_s);
  }
};

TraceScope trace_scope(const Timeline&, const TraceLimits&);

}  // namespace orrery
