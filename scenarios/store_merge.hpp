// Joins stores of one sweep: the parts that shards wrote, or a part and what was merged before. The result is written
// beside its place and renamed when it is complete, so that a stop loses nothing.
#pragma once

#include <filesystem>
#include <vector>

#include "scenarios/store.hpp"

namespace orrery {

struct MergeCounts {  // stores: without what was merged before
  std::size_t stores = 0, points = 0, total = 0;
  std::vector<std::size_t> missing;  // points of the sweep that no store has
};

// Throws SpecError when the stores are of different sweeps or programs, or differ over a point that several have; one
// that failed gives way to another. A merged
// store that is already at `target` is one more of the parts.
MergeCounts merge_stores(std::vector<std::filesystem::path> parts, const std::filesystem::path& target);

}  // namespace orrery
