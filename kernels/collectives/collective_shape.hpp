// What a schedule of the user's own is made for, and lists of such schedules, for those who hand them on: what they hold
// (user_schedule.hpp) only planning needs to know.
#pragma once

#include <compare>
#include <memory>
#include <vector>

#include "sim/program.hpp"

namespace orrery {

struct CollectiveShape {
  CollectiveKind kind = CollectiveKind::none;
  std::size_t ranks = 0;
  auto operator<=>(const CollectiveShape&) const = default;
};

struct UserSchedule;
using UserSchedules = std::vector<std::shared_ptr<const UserSchedule>>;

}  // namespace orrery
