// Records that become known in several streams, each in order of their ends, merged into one. A stream may run behind the
// others, so only what ends by a horizon that all have passed is moved on.
#pragma once

#include <cstddef>
#include <vector>

#include "sim/timeline.hpp"

namespace orrery {

class RecordLanes {
 public:
  void add(std::size_t lane, const Record& record) {
    if (lane >= lanes_.size()) lanes_.resize(lane + 1);
    lanes_[lane].push_back(record);
    ++size_;
  }
  std::size_t size() const { return size_; }
  // Moves all records that end by `horizon` to the end of `records`.
  void move_until(double horizon, std::vector<Record>& records);

 private:
  std::vector<std::vector<Record>> lanes_;
  std::size_t size_ = 0;
};

}  // namespace orrery
