// Where the time of one device goes. Two sets of intervals, the Computes on its compute stream and the transfers it takes
// part in, cut a window into compute, exposed communication and idle time; idle time is bubble, waiting or other by what
// ended it (see analysis/metrics.hpp).
// Intervals may overlap in any way; instants where both are busy are compute (hidden communication).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace orrery {

struct Interval {
  double start = 0, end = 0;
  std::uint32_t tag = 0;     // who is charged when it is exposed
  std::uint32_t record = 0;  // what the caller knows it by
};

// Of a time in which the device was idle: how long for which reason; the rest is unknown.
struct IdleCauseTimes {
  double pipeline_s = 0, slower_peer_s = 0;
};

struct TimeSplit {
  double compute_s = 0, exposed_s = 0;
  double bubble_s = 0;   // idle, waiting for another pipeline stage
  double waiting_s = 0;  // idle, waiting for a slower device of the same stage, or for a stage that waits for one
  double other_s = 0;    // idle for any other reason
};

// Why the device was idle from `from` to `to`, where the interval with this `record` started; `compute`: the next on the
// compute stream. Asked in order of time.
using CauseOf = std::function<IdleCauseTimes(double from, double to, std::uint32_t record, std::uint32_t compute)>;
inline constexpr std::uint32_t window_end = ~std::uint32_t{0};  // ... until the window ended

// Both lists are clipped to the window and sorted in place. Adds the exposed time of each tag to exposed_by_tag[tag].
TimeSplit split_time(double window_start, double window_end_s, std::vector<Interval>& compute,
                     std::vector<Interval>& transfers, std::span<double> exposed_by_tag, const CauseOf&);

}  // namespace orrery
