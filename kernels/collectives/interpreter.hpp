// Proof by execution: runs a schedule on real integers and compares what every rank holds in the end with what the collective
// promises (chunk meaning: schedule.hpp; the root is rank 0). Sends of a round read what was held before the round. A
// barrier moves no data: there every rank must have heard, directly or through others, from every rank.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "kernels/collectives/schedule.hpp"

namespace orrery {

struct LeftOut {  // one send that is not carried out
  std::size_t round = ~std::size_t{0}, send = 0;
};

// What goes wrong on a buffer of so many elements, which need not divide by the chunks; nothing when all is right.
std::optional<std::string> wrong_result(CollectiveKind, const CollectiveSchedule&, std::size_t elements, LeftOut = {});

}  // namespace orrery
