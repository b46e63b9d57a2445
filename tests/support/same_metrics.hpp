// Two runs that have to say the same, as a folded and an unfolded one: every number of their metrics within 1e-6 of its
// value, for sums in another order differ in their last digits, and none that only one of them has.
#pragma once

#include <catch2/catch.hpp>

#include "tests/support/small_scenario.hpp"

namespace orrery::testing {

inline void require_equal(const Metrics& folded, const Metrics& whole) {
  const auto a = numbers(folded), b = numbers(whole);
  REQUIRE(a.size() == b.size());
  for (const auto& [pointer, value] : a) {
    CAPTURE(pointer);
    REQUIRE(b.count(pointer) == 1);
    REQUIRE(value == Approx(b.at(pointer)).epsilon(1e-6).margin(1e-12));
  }
}

}  // namespace orrery::testing
