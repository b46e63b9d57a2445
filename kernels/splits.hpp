// How work that leaves cores idle is cut finer along what is summed over: k of a product, the keys of attention. Each part
// leaves an fp32 partial result, which is written and read once more.
#pragma once

#include <array>

namespace orrery {

inline constexpr std::array<int, 14> splittings = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128};
inline constexpr double partial_bytes = 2 * 4;  // an element of a partial result, written and read

}  // namespace orrery
