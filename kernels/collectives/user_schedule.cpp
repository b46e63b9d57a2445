#include "kernels/collectives/user_schedule.hpp"

#include <cmath>

#include <fmt/format.h>

namespace orrery {

std::string UserSchedule::buffers() const {
  if (std::isfinite(most_bytes)) return fmt::format("of {:.0f} to {:.0f} B", least_bytes, most_bytes);
  return least_bytes > 0 ? fmt::format("from {:.0f} B", least_bytes) : "";
}

}  // namespace orrery
