#include "sim/sharing.hpp"

#include <array>

#include <catch2/catch.hpp>

using namespace orrery;

namespace {

// Links of 10 B/s, 4 B/s and 1 B/s that have nothing to do with each other, and Transfers over them.
struct Links {
  Links() {
    LinkClass any;
    any.name = "any";
    const LinkClassId cls = fabric.add_link_class(any);
    for (std::size_t i = 0; i < 4; ++i) fabric.add_vertex({});
    for (std::size_t i = 0; i < 3; ++i)
      links.push_back(fabric.add_cable(VertexId(i), VertexId(i + 1), BytesPerSecond(bandwidths[i]), Seconds(0), cls));
  }
  RoutedPattern over(std::vector<std::pair<int, double>> loads, double fair_share = 1) const {
    RoutedPattern pattern;
    pattern.fair_share = fair_share;
    for (auto [link, weight] : loads) {
      pattern.loads.push_back({links[static_cast<std::size_t>(link)], weight});
      pattern.bottleneck = std::max(pattern.bottleneck, weight / bandwidths[static_cast<std::size_t>(link)]);
    }
    return pattern;
  }
  std::vector<double> times(const std::vector<RoutedPattern>& patterns, const std::vector<double>& bytes) const {
    std::vector<SharingTransfer> transfers;
    for (std::size_t i = 0; i < patterns.size(); ++i) transfers.push_back({&patterns[i], bytes[i]});
    return times_sharing(fabric, transfers);
  }
  std::array<double, 3> bandwidths = {10, 4, 1};
  Fabric fabric;
  std::vector<LinkId> links;
};

}  // namespace

TEST_CASE("equal Transfers over one link end together, after the time that all their bytes take") {
  const Links l;
  const auto times = l.times({l.over({{0, 1}}), l.over({{0, 1}}), l.over({{0, 1}})}, {20, 20, 20});
  for (double t : times) CHECK(t == Approx(6));
}

TEST_CASE("what ends leaves its part of a link to the others") {
  const Links l;
  const auto times = l.times({l.over({{0, 1}}), l.over({{0, 1}})}, {10, 30});
  CHECK(times[0] == Approx(2));
  CHECK(times[1] == Approx(4));  // 10 B in the first two seconds, 20 B in the next two
}

TEST_CASE("who is held up elsewhere leaves the rest of a link to the others: max-min") {
  const Links l;
  const auto times = l.times({l.over({{0, 1}, {2, 1}}), l.over({{0, 1}, {1, 1}}), l.over({{0, 1}})}, {1, 4, 5});
  CHECK(times[0] == Approx(1));
  CHECK(times[1] == Approx(1));
  CHECK(times[2] == Approx(1));
}

TEST_CASE("links are shared per largest flow, as in the flow model") {
  const Links l;
  // One Transfer of two half flows, one of a whole flow: 10/3 B/s for each of the three.
  const auto times = l.times({l.over({{0, 1}}, 0.5), l.over({{0, 1}})}, {20, 10});
  CHECK(times[0] == Approx(3));
  CHECK(times[1] == Approx(3));
}

TEST_CASE("a Transfer that shares nothing takes its time alone, and one without links none") {
  const Links l;
  const auto times = l.times({l.over({{1, 2}}), l.over({}), l.over({{0, 1}})}, {8, 5, 10});
  CHECK(times[0] == Approx(4));
  CHECK(times[1] == 0);
  CHECK(times[2] == Approx(1));
}
