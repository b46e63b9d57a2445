// How far a sweep is, on standard error: on a terminal one line that is redrawn (bar, rate, time left, what went wrong), else
// one line per point, for a log.
#pragma once

#include <chrono>
#include <string>

#include "scenarios/sweep.hpp"

namespace orrery {

class SweepProgress {
 public:
  explicit SweepProgress(const Sweep&);
  ~SweepProgress();
  SweepProgress(const SweepProgress&) = delete;
  SweepProgress& operator=(const SweepProgress&) = delete;
  void tell(const StoredPoint&, const SweepCounts&);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const SweepCounts&);

  const Sweep& sweep_;
  bool terminal_;
  Clock::time_point started_ = Clock::now(), drawn_{};
};

// "1 h 02 min", "3 min 20 s", "12 s", "0.8 s".
std::string rough_duration(double seconds);

}  // namespace orrery
