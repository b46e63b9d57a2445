// Where the time of one device goes. Two sets of intervals, the Computes on its compute stream and the transfers it takes
// part in, cut a window into compute, exposed communication and idle time, for the sake of another device or not, by what
// ended it.
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

struct TimeSplit {
  double compute_s = 0, exposed_s = 0;
  double for_others_s = 0;  // idle, waiting for another device
  double other_s = 0;       // idle for any other reason
};

// Whether another device was why the device was idle until `to`, where the interval with this `record` started; `compute`:
// the next on the compute stream. Asked in order of time.
using ForOthers = std::function<bool(double to, std::uint32_t record, std::uint32_t compute)>;
inline constexpr std::uint32_t window_end = ~std::uint32_t{0};  // ... until the window ended

// Both lists are clipped to the window and sorted in place. Adds the exposed time of each tag to exposed_by_tag[tag].
TimeSplit split_time(double window_start, double window_end_s, std::vector<Interval>& compute,
                     std::vector<Interval>& transfers, std::span<double> exposed_by_tag, const ForOthers&);

}  // namespace orrery
