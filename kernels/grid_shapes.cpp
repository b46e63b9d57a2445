#include "kernels/grid_shapes.hpp"

#include <cmath>

#include "kernels/shapes.hpp"

namespace orrery {

Kernel grid_sweep(const GridSweep& sweep, DataType type) {
  Kernel kernel = stencil(sweep.cells, sweep.points, type);
  const double side = std::cbrt(static_cast<double>(sweep.cells));
  const double halo = std::pow(side + 2.0 * sweep.halo, 3) - std::pow(side, 3);
  kernel.flops *= sweep.variables;
  kernel.bytes = (kernel.bytes + (sweep.halo > 0 ? halo * bytes_per_element(type) : 0)) * sweep.variables;
  return kernel;
}

}  // namespace orrery
