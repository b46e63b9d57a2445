// k-ary n-dimensional torus and mesh between the devices of one node (TPU ICI, wafer), routed as topologies/lattice.hpp says.
// The links of a device are divided evenly over its 2 x dimensions directions, as many whole ones for each; in a dimension of
// size 2 of a torus both directions lead to the same neighbour, as a cable of twice the width.
// options: twist (true: the twisted form, where one size is twice another), cube (sizes of equal cubes that the torus is made
// of: all links between cubes and round the torus go through the optical switches of `optical_link`, which add their latency,
// as in TPU v4, Jouppi et al., ISCA 2023, section 2.2. A switch joins the same place of the two opposite faces of all cubes, two
// ports a cube).
#include "sim/error.hpp"
#include "topologies/lattice.hpp"
#include "topologies/scale_up/families.hpp"

namespace orrery {

namespace {

class TorusRouter final : public LocalRouter {
 public:
  TorusRouter(LatticePaths paths, Seconds latency, Seconds through_light, std::vector<bool> optical)
      : paths_(std::move(paths)), latency_(latency), light_(through_light), optical_(std::move(optical)) {}
  Seconds route(int from, int to, std::uint64_t key, std::vector<Hop>& hops) const override {
    const std::size_t first = hops.size();
    Seconds latency = latency_ * paths_.route(from, to, key, hops);
    if (!optical_.empty())
      for (std::size_t h = first; h < hops.size(); ++h)
        if (optical_[hops[h].link.index()]) latency += light_ * hops[h].share;  // mean over paths that are equally long
    return latency;
  }

 private:
  LatticePaths paths_;
  Seconds latency_, light_;
  std::vector<bool> optical_;  // by link; empty: none
};

std::vector<int> cube_of(const ScaleUpInput& in) {
  const Json& options = in.spec.options;
  if (!options.is_object() || !options.contains("cube")) {
    if (in.spec.optical_link)
      throw SpecError("", in.pointer + "/options/cube", "the sizes of the cubes that optical_link joins", "none");
    return {};
  }
  if (!in.spec.optical_link) in.fault("optical_link", "the optical switches that join the cubes", "none");
  std::vector<int> cube;
  bool fits = options["cube"].is_array() && options["cube"].size() == in.spec.dimensions.size();
  std::int64_t cubes = 1;
  for (std::size_t d = 0; fits && d < in.spec.dimensions.size(); ++d) {
    const Json& size = options["cube"][d];
    fits = size.is_number_integer() && size > 0 && size <= in.spec.dimensions[d] &&
           in.spec.dimensions[d] % size.get<int>() == 0;
    if (!fits) break;
    cube.push_back(size.get<int>());
    cubes *= in.spec.dimensions[d] / cube.back();
  }
  if (!fits)
    throw SpecError("", in.pointer + "/options/cube", "a size for each dimension that divides it",
                    options["cube"].dump());
  const int ports = in.spec.optical_link->ports.value_or(0);
  if (ports > 0 && 2 * cubes > ports)
    in.fault("dimensions",
             "at most the " + std::to_string(ports / 2) + " cubes that fit on switches of " + std::to_string(ports) +
                 " ports",
             std::to_string(cubes) + " cubes");
  return cube;
}

NodeWiring wire_grid(const ScaleUpInput& in, Lattice lattice, const std::vector<int>& cube = {}) {
  NodeWiring w;
  const std::size_t dimensions = lattice.sizes.size();
  w.kind = !lattice.wraps ? DomainKind::mesh : dimensions == 1 ? DomainKind::ring : DomainKind::torus;
  w.devices = in.devices;
  w.dimensions = lattice.sizes;
  const auto ways = static_cast<double>(2 * dimensions);
  std::vector<ScaleUpInput::Bundle> along(dimensions);  // one cable of each dimension
  for (std::size_t d = 0; d < dimensions; ++d) {
    if (lattice.sizes[d] == 1) continue;
    const bool doubled = lattice.doubled(d);
    along[d] = doubled ? in.bundle_each(ways / 2, "as many along each dimension")
                       : in.bundle_each(ways, "as many both ways along each dimension");
    const bool one_neighbour = lattice.sizes[d] == 2 && !lattice.twisted(d);
    w.bandwidth_per_device += along[d].bandwidth * (one_neighbour ? 1 : 2);
  }
  const Lattice grid = lattice;
  LatticePaths paths(std::move(lattice), in.ideal, in.seed);
  const Seconds light = cube.empty() ? Seconds(0) : in.spec.optical_link->latency.value_or(Seconds(0));
  std::vector<bool> optical;
  paths.wire([&](int v, int next, int, std::size_t d) {
    const bool leaves = !cube.empty() && (grid.coordinate(v, d) + 1) % cube[d] == 0;
    const int link = w.add_cable(v, next, along[d].bandwidth, in.latency + (leaves ? light : Seconds(0)),
                                 along[d].cables);
    for (int way : {link, link + 1}) w.links[static_cast<std::size_t>(way)].optical = leaves;
    if (!cube.empty()) optical.insert(optical.end(), 2, leaves);
    return static_cast<std::uint32_t>(link);
  });
  w.router = std::make_unique<TorusRouter>(std::move(paths), in.latency, light, std::move(optical));
  return w;
}

}  // namespace

NodeWiring wire_torus(const ScaleUpInput& in) {
  in.dimension_product();
  const std::vector<int> cube = cube_of(in);
  Lattice lattice(in.spec.dimensions, true);
  if (flag_of(in.spec.options, "twist", in.pointer + "/options") && !lattice.make_twisted())
    throw SpecError("", in.pointer + "/options/twist",
                    "false, or dimensions k and 2k (k x 2k, k x k x 2k, k x 2k x 2k)", "true for other dimensions");
  return wire_grid(in, std::move(lattice), cube);
}

NodeWiring wire_mesh(const ScaleUpInput& in) {
  in.dimension_product();
  return wire_grid(in, Lattice(in.spec.dimensions, false));
}

NodeWiring wire_ring(const ScaleUpInput& in) {
  if (in.spec.dimensions != std::vector<int>{in.devices}) in.expect_no_dimensions();
  return wire_grid(in, Lattice({in.devices}, true));
}

}  // namespace orrery
