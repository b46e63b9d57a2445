#include "analysis/time_split.hpp"

#include <algorithm>
#include <tuple>

namespace orrery {
namespace {

// Records arrive in order of end time, so a stream that runs one operation at a time is already sorted.
// Of two that are the same time the one with the lower tag comes first, and is charged.
bool before(const Interval& a, const Interval& b) {
  return std::tie(a.start, b.end, a.tag) < std::tie(b.start, a.end, b.tag);
}

// Inserts one by one, which costs little where few are far from their places; else sorts what is left too.
void sort_nearly_sorted(std::vector<Interval>& intervals) {
  std::size_t moves_left = 8 * intervals.size();
  for (std::size_t i = 1; i < intervals.size(); ++i) {
    const Interval moving = intervals[i];
    std::size_t at = i;
    for (; at > 0 && moves_left > 0 && before(moving, intervals[at - 1]); --at, --moves_left)
      intervals[at] = intervals[at - 1];
    intervals[at] = moving;
    if (moves_left == 0) return std::stable_sort(intervals.begin(), intervals.end(), before);
  }
}

void keep_and_sort(double start, double end, std::vector<Interval>& intervals) {
  std::erase_if(intervals, [=](const Interval& i) { return i.end < start || i.start > end; });
  sort_nearly_sorted(intervals);
}

void clip(double start, double end, std::vector<Interval>& intervals) {
  for (Interval& i : intervals) {
    i.start = std::clamp(i.start, start, end);
    i.end = std::clamp(i.end, i.start, end);
  }
}

// Turns sorted, overlapping intervals into disjoint ones in which every instant belongs to the interval that ends last, of
// several to the one that began first.
// Whoever ends last keeps that rank until it ends, so only a new arrival can take over: one pass, no heap.
void keep_last_to_end(std::vector<Interval>& intervals) {
  std::size_t kept = 0;
  for (const Interval next : intervals) {
    if (kept > 0 && next.end <= intervals[kept - 1].end) continue;
    if (kept > 0) intervals[kept - 1].end = std::min(intervals[kept - 1].end, next.start);
    intervals[kept++] = next;
  }
  intervals.resize(kept);
}

// Walks the gaps of the compute stream from left to right through the disjoint transfers.
class GapWalker {
 public:
  GapWalker(std::span<const Interval> transfers, std::span<double> by_tag, const ForOthers& for_others)
      : transfers_(transfers), by_tag_(by_tag), for_others_(for_others) {}

  // `next`: the record that ends the gap.
  void gap(double from, double to, std::uint32_t next, TimeSplit& split) {
    while (at_ < transfers_.size() && transfers_[at_].end <= from) ++at_;
    for (std::size_t i = at_; from < to; ++i) {
      const double begin = i < transfers_.size() ? std::clamp(transfers_[i].start, from, to) : to;
      if (begin > from) idle(from, begin, begin < to ? transfers_[i].record : next, next, split);
      from = begin;
      if (from >= to) break;
      const double end = std::min(transfers_[i].end, to);
      if (end <= from) continue;  // of no length
      split.exposed_s += end - from;
      by_tag_[transfers_[i].tag] += end - from;
      from = end;
    }
  }

 private:
  void idle(double from, double to, std::uint32_t until, std::uint32_t compute, TimeSplit& split) const {
    (for_others_(to, until, compute) ? split.for_others_s : split.other_s) += to - from;
  }

  std::span<const Interval> transfers_;
  std::span<double> by_tag_;
  const ForOthers& for_others_;
  std::size_t at_ = 0;
};

}  // namespace

TimeSplit split_time(double window_start, double window_end_s, std::vector<Interval>& compute,
                     std::vector<Interval>& transfers, std::span<double> exposed_by_tag, const ForOthers& for_others) {
  keep_and_sort(window_start, window_end_s, compute);
  keep_and_sort(window_start, window_end_s, transfers);
  keep_last_to_end(transfers);  // before clipping: who ends last may be decided after the window
  clip(window_start, window_end_s, compute);
  clip(window_start, window_end_s, transfers);
  TimeSplit split;
  GapWalker walker(transfers, exposed_by_tag, for_others);
  double now = window_start;
  for (const Interval& busy : compute) {
    if (busy.end <= now) continue;
    const double begin = std::max(busy.start, now);
    walker.gap(now, begin, busy.record, split);
    split.compute_s += busy.end - begin;
    now = busy.end;
  }
  walker.gap(now, window_end_s, window_end, split);
  return split;
}

}  // namespace orrery
