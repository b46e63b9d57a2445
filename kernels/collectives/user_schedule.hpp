// A schedule that a user brings along, for one kind of collective and a fixed number of ranks. Whoever makes one has it
// checked by the interpreter first (interpreter.hpp); planning only checks that it fits the request.
#pragma once

#include <limits>
#include <string>

#include "kernels/collectives/collective_shape.hpp"
#include "kernels/collectives/schedule.hpp"

namespace orrery {

struct UserSchedule {
  std::string name;  // what reports call it
  CollectiveKind kind = CollectiveKind::all_reduce;
  std::string protocol = "simple";  // whose costs apply: ll, ll128, simple
  CollectiveSchedule schedule;
  // The buffers that it is meant for (the larger one of a rank); others run as a library chooses.
  double least_bytes = 0, most_bytes = std::numeric_limits<double>::infinity();

  std::string buffers() const;  // "of 1024 to 2048 B"; "" where it is meant for all
  bool takes(double bytes) const { return bytes >= least_bytes && bytes <= most_bytes; }
  CollectiveShape shape() const { return {kind, schedule.ranks}; }  // what it is made for
};

}  // namespace orrery
