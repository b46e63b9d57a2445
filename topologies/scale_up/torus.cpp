// k-ary n-dimensional torus and mesh (TPU ICI, wafer). Device number = mixed-radix number of its coordinates, the first
// dimension varying slowest. Dimension-order routing the shorter way round; where both ways are equally long, ideal
// spreading sends half each way and hashing picks one.
// The links of a device are divided evenly over its 2 x dimensions directions; in a dimension of size 2 both directions lead
// to the same neighbour, as a cable of twice the width.
#include <algorithm>

#include "topologies/scale_up/families.hpp"

namespace orrery {

namespace {

struct Grid {
  std::vector<int> sizes, strides;
  bool wraps = true;

  int coordinate(int v, std::size_t d) const { return v / strides[d] % sizes[d]; }
  int moved(int v, std::size_t d, int to) const { return v + (to - coordinate(v, d)) * strides[d]; }
};

class GridRouter final : public LocalRouter {
 public:
  GridRouter(Grid grid, std::vector<int> link_of, Seconds latency, bool ideal, std::uint64_t seed)
      : grid_(std::move(grid)), link_of_(std::move(link_of)), latency_(latency), ideal_(ideal), seed_(seed) {}

  Seconds route(int from, int to, std::uint64_t key, std::vector<Hop>& hops) const override {
    Seconds latency{0};
    for (std::size_t d = 0; d < grid_.sizes.size(); ++d) {
      const int size = grid_.sizes[d], a = grid_.coordinate(from, d), b = grid_.coordinate(to, d);
      if (a == b) continue;
      const int up = b > a ? b - a : b - a + size, down = size - up;
      const int steps = grid_.wraps ? std::min(up, down) : std::abs(b - a);
      const bool tie = grid_.wraps && up == down && size > 2;
      if (tie && ideal_) {
        walk(from, d, +1, steps, 0.5, hops);
        walk(from, d, -1, steps, 0.5, hops);
      } else {
        bool forward = grid_.wraps ? up <= down : b > a;
        if (tie)
          forward = choose_path(static_cast<std::uint64_t>(from), static_cast<std::uint64_t>(to), key, seed_, d, 2) ==
                    0;
        walk(from, d, forward ? +1 : -1, steps, 1, hops);
      }
      latency += latency_ * steps;
      from = grid_.moved(from, d, b);
    }
    return latency;
  }

 private:
  void walk(int v, std::size_t d, int direction, int steps, double share, std::vector<Hop>& hops) const {
    const int size = grid_.sizes[d];
    for (int s = 0; s < steps; ++s) {
      const std::size_t slot = (static_cast<std::size_t>(v) * grid_.sizes.size() + d) * 2 + (direction > 0 ? 0 : 1);
      hops.push_back({LinkId(static_cast<std::size_t>(link_of_[slot])), share});
      v = grid_.moved(v, d, (grid_.coordinate(v, d) + direction + size) % size);
    }
  }

  Grid grid_;
  std::vector<int> link_of_;  // by (vertex, dimension, direction)
  Seconds latency_;
  bool ideal_;
  std::uint64_t seed_;
};

NodeWiring wire_grid(const ScaleUpInput& in, std::vector<int> sizes, bool wraps) {
  Grid grid{std::move(sizes), {}, wraps};
  const std::size_t dimensions = grid.sizes.size();
  grid.strides.assign(dimensions, 1);
  for (std::size_t d = dimensions; d-- > 1;) grid.strides[d - 1] = grid.strides[d] * grid.sizes[d];

  NodeWiring w;
  w.kind = wraps ? (dimensions == 1 ? DomainKind::ring : DomainKind::torus) : DomainKind::mesh;
  w.devices = in.devices;
  w.dimensions = grid.sizes;
  const BytesPerSecond one_way = in.port * (in.ports_per_device / static_cast<double>(2 * dimensions));
  std::vector<int> link_of(static_cast<std::size_t>(in.devices) * dimensions * 2, -1);
  for (int v = 0; v < in.devices; ++v)
    for (std::size_t d = 0; d < dimensions; ++d) {
      const int size = grid.sizes[d], c = grid.coordinate(v, d);
      if (size == 1 || (!wraps && c + 1 == size)) continue;
      const int next = grid.moved(v, d, (c + 1) % size);
      const auto slot = [&](int vertex, int direction) {
        return (static_cast<std::size_t>(vertex) * dimensions + d) * 2 + static_cast<std::size_t>(direction);
      };
      if (size == 2 && c == 1) continue;  // its one cable was added from the other side
      const int link = w.add_cable(v, next, one_way * (wraps && size == 2 ? 2 : 1), in.latency);
      link_of[slot(v, 0)] = link;
      link_of[slot(next, 1)] = link + 1;
      if (size == 2) {
        link_of[slot(v, 1)] = link;
        link_of[slot(next, 0)] = link + 1;
      }
    }
  for (std::size_t d = 0; d < dimensions; ++d)
    if (grid.sizes[d] > 1) w.bandwidth_per_device += one_way * 2;
  w.router = std::make_unique<GridRouter>(std::move(grid), std::move(link_of), in.latency, in.ideal, in.seed);
  return w;
}

}  // namespace

NodeWiring wire_torus(const ScaleUpInput& in) {
  in.dimension_product();
  return wire_grid(in, in.spec.dimensions, true);
}

NodeWiring wire_mesh(const ScaleUpInput& in) {
  in.dimension_product();
  return wire_grid(in, in.spec.dimensions, false);
}

NodeWiring wire_ring(const ScaleUpInput& in) { return wire_grid(in, {in.devices}, true); }

}  // namespace orrery
