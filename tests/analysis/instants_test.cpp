#include "analysis/instants.hpp"

#include <cmath>

#include <catch2/catch.hpp>

using namespace orrery;

namespace {

Timeline timeline(std::vector<std::pair<double, double>> times) {
  Timeline t;
  for (std::size_t i = 0; i < times.size(); ++i) {
    Record record;
    record.op = OpId(i);
    record.start_s = times[i].first;
    record.end_s = times[i].second;
    t.records.push_back(record);
  }
  t.end_s = times.back().second;
  t.fragments.push_back({0, nullptr, 0, t.end_s, false});
  return t;
}

}  // namespace

TEST_CASE(
    "times that differ by rounding become one, and records of one instant stand in the order of their operations") {
  const double up = std::nextafter(1.0, 2.0), down = std::nextafter(1.0, 0.0);
  Timeline t = timeline({{0, down}, {0, 1.0}, {0, up}, {up, 2.0}, {down, 3.0}});
  std::swap(t.records[0].op, t.records[2].op);
  join_instants(t);
  for (int i = 0; i < 3; ++i) {
    CHECK(t.records[i].end_s == down);
    CHECK(t.records[i].op == OpId(static_cast<std::size_t>(i)));
  }
  CHECK(t.records[3].start_s == down);
  CHECK(t.records[4].start_s == down);
  CHECK(t.fragments[0].end_s == 3.0);
}

TEST_CASE(
    "times further apart than a 1e-10th of the whole keep their values, and a row of near ones is not one instant") {
  std::vector<std::pair<double, double>> times = {{0, 0.5}, {0.5, 0.5 + 1e-9}};
  for (int i = 0; i < 100; ++i) times.push_back({0, 0.6 + 0.9e-10 * i});
  times.push_back({0, 1.0});
  Timeline t = timeline(times);
  const Timeline before = t;
  join_instants(t);
  CHECK(t.records[0].end_s == before.records[0].end_s);
  CHECK(t.records[1].end_s == before.records[1].end_s);
  for (std::size_t i = 2; i < t.records.size(); ++i)
    CHECK(std::abs(t.records[i].end_s - before.records[i].end_s) <= 1.01e-9);
  CHECK(t.records[101].end_s - t.records[2].end_s > 7e-9);
}
