// From a sweep file to its points: the cross product of the axes (the last axis moves fastest) or a seeded sample of it,
// with derived values, without what the filters refuse. The same file gives the same points in the same order everywhere:
// the generator is std::mt19937_64, whose sequence the C++ standard fixes, and no library distribution is used.
// random: independent draws, equal ones once, refused ones drawn again. latin-hypercube (McKay et al. 1979): each axis is
// cut into as many equal strata as there are points and each stratum is met once; filters then thin the sample.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/sweep_spec.hpp"

namespace orrery {

struct SweepColumn {
  std::string name, path;  // path "": reported only
  std::string pointer;     // into the sweep file
};

struct SweepPoints {
  std::vector<SweepColumn> columns;       // axes, then derived values
  std::vector<std::vector<Json>> values;  // of each point, in the order of the columns
  std::vector<std::string> notes;
};

inline constexpr double usual_point_limit = 10'000, highest_point_limit = 10'000'000;

// Throws SpecError with all faults. More than `limit` combinations (before filters) are a fault that says how many.
SweepPoints expand(const SweepSpec&, const std::string& file, double limit);

}  // namespace orrery
