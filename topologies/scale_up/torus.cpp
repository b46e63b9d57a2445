// k-ary n-dimensional torus and mesh between the devices of one node (TPU ICI, wafer), routed as topologies/lattice.hpp says.
// The links of a device are divided evenly over its 2 x dimensions directions; in a dimension of size 2 both directions lead
// to the same neighbour, as a cable of twice the width.
// options: twist (true: the twisted form, where one size is twice another).
#include "sim/error.hpp"
#include "topologies/lattice.hpp"
#include "topologies/scale_up/families.hpp"

namespace orrery {

namespace {

class TorusRouter final : public LocalRouter {
 public:
  TorusRouter(LatticePaths paths, Seconds latency) : paths_(std::move(paths)), latency_(latency) {}
  Seconds route(int from, int to, std::uint64_t key, std::vector<Hop>& hops) const override {
    return latency_ * paths_.route(from, to, key, hops);
  }

 private:
  LatticePaths paths_;
  Seconds latency_;
};

NodeWiring wire_grid(const ScaleUpInput& in, Lattice lattice) {
  NodeWiring w;
  const std::size_t dimensions = lattice.sizes.size();
  w.kind = !lattice.wraps ? DomainKind::mesh : dimensions == 1 ? DomainKind::ring : DomainKind::torus;
  w.devices = in.devices;
  w.dimensions = lattice.sizes;
  const BytesPerSecond one_way = in.port * (in.ports_per_device / static_cast<double>(2 * dimensions));
  for (int size : lattice.sizes)
    if (size > 1) w.bandwidth_per_device += one_way * 2;
  LatticePaths paths(std::move(lattice), in.ideal, in.seed);
  paths.wire([&](int v, int next, int widths) {
    return static_cast<std::uint32_t>(w.add_cable(v, next, one_way * widths, in.latency));
  });
  w.router = std::make_unique<TorusRouter>(std::move(paths), in.latency);
  return w;
}

}  // namespace

NodeWiring wire_torus(const ScaleUpInput& in) {
  in.expect_options({"twist"});
  in.dimension_product();
  Lattice lattice(in.spec.dimensions, true);
  if (flag_of(in.spec.options, "twist", in.pointer + "/options") && !lattice.make_twisted())
    throw SpecError("", in.pointer + "/options/twist",
                    "false, or dimensions k and 2k (k x 2k, k x k x 2k, k x 2k x 2k)", "true for other dimensions");
  return wire_grid(in, std::move(lattice));
}

NodeWiring wire_mesh(const ScaleUpInput& in) {
  in.expect_options({});
  in.dimension_product();
  return wire_grid(in, Lattice(in.spec.dimensions, false));
}

NodeWiring wire_ring(const ScaleUpInput& in) {
  in.expect_options({});
  return wire_grid(in, Lattice({in.devices}, true));
}

}  // namespace orrery
