// Sweeps of weather and flow codes over one device's part of a grid: several variables per cell, a star of any order, and the
// halo that neighbours sent. Each variable of each cell and of the halo is read once and each cell's written once (a sweep
// blocked for cache or on-chip memory; what a code re-reads is extra), two FLOPs a point. The part is a cube, so that its halo
// is (side + 2 depth)^3 - side^3 cells; parts far from cubes have more. Valid while a plane of the star fits on chip.
#pragma once

#include <cstdint>

#include "sim/kernel.hpp"

namespace orrery {

struct GridSweep {
  std::int64_t cells = 1;
  int points = 7;     // of the stencil
  int variables = 1;  // updated per cell, each by the stencil
  int halo = 0;       // depth in cells, on all six faces
};

// Points of a three-dimensional star of even order: 7 of order 2, 13 of order 4, 25 of order 8.
constexpr int star_points(int order) { return 3 * order + 1; }

Kernel grid_sweep(const GridSweep&, DataType);

}  // namespace orrery
