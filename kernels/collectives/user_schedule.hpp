// A schedule that a user brings along, for one kind of collective and a fixed number of ranks. Whoever makes one has it
// checked by the interpreter first (interpreter.hpp); planning only checks that it fits the request.
#pragma once

#include <string>

#include "kernels/collectives/collective_shape.hpp"
#include "kernels/collectives/schedule.hpp"

namespace orrery {

struct UserSchedule {
  std::string name;  // what reports call it
  CollectiveKind kind = CollectiveKind::all_reduce;
  std::string protocol = "simple";  // whose costs apply: ll, ll128, simple
  CollectiveSchedule schedule;

  CollectiveShape shape() const { return {kind, schedule.ranks}; }  // what it is made for
};

}  // namespace orrery
