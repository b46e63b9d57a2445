#include "analysis/time_split.hpp"

#include <algorithm>
#include <random>
#include <set>

#include <catch2/catch.hpp>

using namespace orrery;

namespace {

struct Result {
  TimeSplit split;
  std::vector<double> by_tag;
};

// Idle time until these records is for others; the window's end stands under window_end.
Result split(double start, double end, std::vector<Interval> compute, std::vector<Interval> transfers,
             const std::set<std::uint32_t>& for_others = {}) {
  Result r;
  r.by_tag.assign(4, 0);
  const auto cause = [&](double, std::uint32_t record, std::uint32_t) { return for_others.contains(record); };
  r.split = split_time(start, end, compute, transfers, r.by_tag, cause);
  return r;
}

double idle(const TimeSplit& s) { return s.for_others_s + s.other_s; }

// The same by asking, for every elementary segment between two end points, who is active.
Result split_slowly(double start, double end, const std::vector<Interval>& compute,
                    const std::vector<Interval>& transfers) {
  std::vector<double> cuts = {start, end};
  for (const auto* list : {&compute, &transfers})
    for (const Interval& i : *list)
      if (i.end >= start && i.start <= end)
        for (const double t : {i.start, i.end}) cuts.push_back(std::clamp(t, start, end));
  std::sort(cuts.begin(), cuts.end());
  Result r;
  r.by_tag.assign(4, 0);
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    const double middle = (cuts[i] + cuts[i + 1]) / 2, length = cuts[i + 1] - cuts[i];
    const auto active = [middle](const Interval& x) { return x.start < middle && middle < x.end; };
    const Interval* longest = nullptr;
    for (const Interval& t : transfers)
      if (active(t) && (!longest || t.end > longest->end)) longest = &t;
    if (std::any_of(compute.begin(), compute.end(), active)) {
      r.split.compute_s += length;
    } else if (longest) {
      r.split.exposed_s += length;
      r.by_tag[longest->tag] += length;
    } else {
      r.split.other_s += length;
    }
  }
  return r;
}

}  // namespace

TEST_CASE("a transfer hidden behind compute is not exposed") {
  const Result r = split(0, 10, {{0, 10, 0}}, {{2, 5, 1}});
  CHECK(r.split.compute_s == 10);
  CHECK(r.split.exposed_s == 0);
}

TEST_CASE("the part of a transfer that outlasts compute is exposed") {
  const Result r = split(0, 10, {{0, 4, 0}, {8, 10, 0}}, {{2, 7, 1}});
  CHECK(r.split.compute_s == 6);
  CHECK(r.split.exposed_s == 3);
  CHECK(r.split.other_s == 1);
}

TEST_CASE("idle time is for others if they caused the operation that ends it to start so late") {
  const Result r = split(0, 20, {{2, 3, 0, 1}, {6, 7, 0, 2}}, {{12, 13, 1, 3}}, {1, 3});
  CHECK(r.split.for_others_s == 2 + 5);  // until record 1, and until the transfer
  CHECK(r.split.other_s == 3 + 7);       // until record 2, and until the end of the window
  CHECK(split(0, 20, {{2, 3, 0, 1}}, {}, {window_end}).split.for_others_s == 17);
}

TEST_CASE("an exposed instant is charged to the transfer in flight that ends last") {
  const Result r = split(0, 10, {}, {{0, 4, 0}, {1, 9, 1}, {2, 3, 2}, {8, 10, 3}});
  CHECK(r.by_tag == std::vector<double>{1, 7, 0, 2});
}

TEST_CASE(
    "of transfers that end together the first is charged, and of equal ones that of the lower tag, in any order") {
  std::vector<Interval> transfers = {{0, 4, 2}, {1, 4, 0}, {5, 8, 3}, {5, 8, 1}, {6, 8, 0}};
  std::sort(transfers.begin(), transfers.end(), [](const Interval& a, const Interval& b) { return a.tag < b.tag; });
  do {
    CHECK(split(0, 10, {}, transfers).by_tag == std::vector<double>{0, 3, 4, 0});
  } while (std::next_permutation(transfers.begin(), transfers.end(),
                                 [](const Interval& a, const Interval& b) { return a.tag < b.tag; }));
}

TEST_CASE("what happens outside the window is not counted") {
  const Result r = split(10, 20, {{0, 5, 0}, {5, 12, 0}, {30, 40, 0}}, {{19, 25, 1}});
  CHECK(r.split.compute_s == 2);
  CHECK(r.split.exposed_s == 1);
  CHECK(idle(r.split) == 7);
}

TEST_CASE("a device without operations spends the whole window as other") {
  CHECK(split(3, 10, {}, {}).split.other_s == 7);
}

TEST_CASE("operations of no length neither take time nor break the split") {
  const Result r = split(0, 10, {{3, 3, 0}}, {{5, 5, 1}, {5, 7, 2}});
  CHECK(r.split.compute_s == 0);
  CHECK(r.split.exposed_s == 2);
  CHECK(idle(r.split) == 8);
}

TEST_CASE("on random timelines the parts sum to the window and match a segment-by-segment count") {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> time(-2, 12), length(0, 2);
  std::uniform_int_distribution<int> count(0, 12), coarse(0, 1);
  std::uniform_int_distribution<std::uint32_t> tag(0, 3);
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<Interval> compute, transfers;
    const bool on_a_grid = coarse(random) == 1;  // makes coinciding ends likely
    for (auto* list : {&compute, &transfers})
      for (int i = count(random); i > 0; --i) {
        const double start = on_a_grid ? std::round(time(random)) : time(random);
        list->push_back({start, start + (on_a_grid ? std::round(length(random)) : length(random)), tag(random)});
      }
    if (on_a_grid)  // equal ends: whom to charge is a matter of taste, so give all one tag
      for (Interval& t : transfers) t.tag = 0;
    const Result fast = split(0, 10, compute, transfers), slow = split_slowly(0, 10, compute, transfers);
    const TimeSplit& s = fast.split;
    REQUIRE(s.compute_s + s.exposed_s + idle(s) == Approx(10).epsilon(1e-12));
    REQUIRE(s.compute_s == Approx(slow.split.compute_s).margin(1e-12));
    REQUIRE(s.exposed_s == Approx(slow.split.exposed_s).margin(1e-12));
    REQUIRE(s.other_s == Approx(slow.split.other_s).margin(1e-12));
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(fast.by_tag[i] == Approx(slow.by_tag[i]).margin(1e-12));
  }
}
