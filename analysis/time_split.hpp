// Where the time of one device goes. Two sets of intervals, the Computes on its compute stream and the transfers it takes
// part in, cut a window into compute, exposed communication, bubble and other (see analysis/metrics.hpp).
// Intervals may overlap in any way; instants where both are busy are compute (hidden communication).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace orrery {

struct Interval {
  double start = 0, end = 0;
  std::uint32_t tag = 0;  // who is charged when it is exposed
};

struct TimeSplit {
  double compute_s = 0, exposed_s = 0, bubble_s = 0, other_s = 0;
};

// Both lists are clipped to the window and sorted in place. Adds the exposed time of each tag to exposed_by_tag[tag].
TimeSplit split_time(double window_start, double window_end, std::vector<Interval>& compute,
                     std::vector<Interval>& transfers, std::span<double> exposed_by_tag);

}  // namespace orrery
