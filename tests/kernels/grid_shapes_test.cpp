// Sweeps over a grid: what variables and halos add to a stencil.
#include "kernels/grid_shapes.hpp"

#include <catch2/catch.hpp>

#include "kernels/shapes.hpp"

using namespace orrery;

TEST_CASE("a sweep of one variable without a halo is the plain stencil") {
  CHECK(grid_sweep({1000000, 13, 1, 0}, DataType::fp64) == stencil(1000000, 13, DataType::fp64));
}

TEST_CASE("every variable is read, updated and written, and its halo read once more") {
  const Kernel one = grid_sweep({1000000, 25, 1, 4}, DataType::fp32),
               five = grid_sweep({1000000, 25, 5, 4}, DataType::fp32);
  CHECK(five.flops == Approx(5 * one.flops));
  CHECK(five.bytes == Approx(5 * one.bytes));
  CHECK(one.flops == Approx(50e6));
  CHECK(one.bytes == Approx(4 * (2e6 + 108.0 * 108 * 108 - 1e6)));
}

TEST_CASE("a deeper halo costs more on a small part than on a large one") {
  const auto extra = [](std::int64_t cells) {
    return grid_sweep({cells, 7, 1, 2}, DataType::fp64).bytes / stencil(cells, 7, DataType::fp64).bytes;
  };
  CHECK(extra(1000) > extra(1000000));
  CHECK(extra(1000000) > 1);
}

TEST_CASE("a star of order n in three dimensions has 3 n + 1 points") {
  CHECK(star_points(2) == 7);
  CHECK(star_points(4) == 13);
  CHECK(star_points(8) == 25);
}
