#include "analysis/instants.hpp"

#include <algorithm>
#include <tuple>

namespace orrery {
namespace {

constexpr double share_of_length = 1e-10, widest = 10;

class Instants {
 public:
  explicit Instants(const Timeline& timeline) : tie_(share_of_length * timeline.end_s) {
    ends_.reserve(timeline.records.size());
    joined_.reserve(timeline.records.size());
    for (const Record& record : timeline.records) {
      const double end = record.end_s;
      const bool same = !ends_.empty() && end - ends_.back() <= tie_ && end - joined_.back() <= widest * tie_;
      joined_.push_back(same ? joined_.back() : end);
      ends_.push_back(end);
    }
  }

  double end_of(std::size_t record) const { return joined_[record]; }

  // Of any time: whatever ended then gives its value. Looked for among the first `count` records.
  double of(double time, std::size_t count) const {
    const auto last = ends_.begin() + static_cast<std::ptrdiff_t>(count);
    const auto after = std::upper_bound(ends_.begin(), last, time);
    if (after != ends_.begin() && time - *(after - 1) <= tie_)
      return joined_[static_cast<std::size_t>(after - ends_.begin()) - 1];
    if (after != last && *after - time <= tie_) return joined_[static_cast<std::size_t>(after - ends_.begin())];
    return time;
  }
  double of(double time) const { return of(time, ends_.size()); }

 private:
  double tie_;
  std::vector<double> ends_, joined_;  // in order
};

}  // namespace

void join_instants(Timeline& timeline) {
  const Instants instants(timeline);
  for (std::size_t r = 0; r < timeline.records.size(); ++r) {
    Record& record = timeline.records[r];
    record.start_s = std::min(instants.of(record.start_s, r + 1), instants.end_of(r));
    record.end_s = instants.end_of(r);
  }
  for (FragmentRecord& fragment : timeline.fragments) {
    fragment.start_s = instants.of(fragment.start_s);
    fragment.end_s = instants.of(fragment.end_s);
  }
  timeline.end_s = instants.of(timeline.end_s);
  const auto key = [](const Record& r) { return std::tuple(r.end_s, r.fragment, r.op, r.call); };
  const auto in_order = [&](const Record& a, const Record& b) { return key(a) < key(b); };
  if (!std::is_sorted(timeline.records.begin(), timeline.records.end(), in_order))
    std::sort(timeline.records.begin(), timeline.records.end(), in_order);
}

}  // namespace orrery
