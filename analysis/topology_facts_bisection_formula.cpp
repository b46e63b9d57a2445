#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "analysis/topology_facts_bisection.hpp"

namespace orrery {

namespace {

double widest_link(const Fabric& fabric, LinkClassId of) {
  double most = 0;
  for (const Link& link : fabric.links())
    if (link.link_class == of) most = std::max(most, link.bandwidth.value);
  return most;
}

bool between_devices(const Fabric& fabric, const Link& link) {
  return fabric.vertex(link.from).kind == VertexKind::device && fabric.vertex(link.to).kind == VertexKind::device;
}

class TorusPlaces {  // of the devices of a torus, by coordinates
 public:
  TorusPlaces(const Fabric& fabric, const Domain& domain) : domain_(domain), position_(fabric.device_count(), 0) {
    for (std::size_t i = 0; i < domain.members.size(); ++i) position_[domain.members[i].index()] = i;
  }
  int at(DeviceId device, std::size_t axis) const {
    std::size_t place = position_[device.index()];
    for (std::size_t d = domain_.dimensions.size(); d-- > axis + 1;)
      place /= static_cast<std::size_t>(domain_.dimensions[d]);
    return static_cast<int>(place % static_cast<std::size_t>(domain_.dimensions[axis]));
  }

 private:
  const Domain& domain_;
  std::vector<std::size_t> position_;
};

// What a straight grid has in one direction, where all sides have the same: the one cable along a side of 2 of a torus stands
// for both directions.
std::optional<double> even_direction(const Fabric& fabric, const Domain& domain) {
  const TorusPlaces places(fabric, domain);
  std::optional<double> even;
  for (const Link& link : fabric.links()) {
    if (!between_devices(fabric, link)) continue;
    std::size_t side = 0;
    while (places.at(fabric.vertex(link.from).device, side) == places.at(fabric.vertex(link.to).device, side)) ++side;
    const bool both = domain.kind != DomainKind::mesh && domain.dimensions[side] == 2;
    const double width = link.bandwidth.value / (both ? 2 : 1);
    if (even && std::abs(width - *even) > 1e-9 * width) return std::nullopt;
    even = width;
  }
  return even;
}

std::optional<BisectionFacts> grid_formula(const Fabric& fabric, const Domain& domain) {
  const std::optional<double> direction = even_direction(fabric, domain);
  if (!direction) return std::nullopt;
  const bool wraps = domain.kind != DomainKind::mesh;
  const double links = links_of_least_cut(domain.dimensions) * (wraps ? 2 : 1);
  const int longest = *std::max_element(domain.dimensions.begin(), domain.dimensions.end());
  BisectionFacts facts;
  facts.bandwidth = links * *direction;
  facts.exact = true;
  facts.note = longest % 2 == 0
                   ? fmt::format("{} links across the dimension of size {}", wraps ? "2 N/k" : "N/k", longest)
                   : fmt::format("{:g} links, the longest dimension ({}) being odd: a plane is divided too", links,
                                 longest);
  return facts;
}

// A link of a straight torus moves along one side only.
bool is_twisted(const Fabric& fabric, const Domain& domain) {
  if (domain.kind != DomainKind::torus) return false;
  const TorusPlaces places(fabric, domain);
  return std::any_of(fabric.links().begin(), fabric.links().end(), [&](const Link& link) {
    int sides = 0;
    for (std::size_t d = 0; d < domain.dimensions.size() && between_devices(fabric, link); ++d)
      sides += places.at(fabric.vertex(link.from).device, d) != places.at(fabric.vertex(link.to).device, d);
    return sides > 1;
  });
}

// Twisted torus: links round a twisted side cross halves of those that it shifts along, so no formula of the straight one
// holds; nor does it where one side has wider links than another. The least cut across one side, or across the sum or
// difference of two, at any place: an upper bound.
BisectionFacts least_of_cuts(const Fabric& fabric, const Domain& domain, const char* of_what) {
  const std::size_t axes = domain.dimensions.size(), n = domain.members.size();
  const TorusPlaces places(fabric, domain);
  BisectionFacts best;
  best.bandwidth = std::numeric_limits<double>::infinity();
  const auto try_cut = [&](std::size_t a, std::size_t b, int sign, int offset) {
    const int size = domain.dimensions[a];
    const auto first = [&](DeviceId device) {
      const int x = places.at(device, a) + offset + (a == b ? 0 : sign * places.at(device, b) + 2 * size);
      return x % size < size / 2;
    };
    std::size_t half = 0;
    for (DeviceId device : domain.members) half += first(device);
    if (2 * half != n) return;
    double crossing = 0;
    for (const Link& link : fabric.links())
      if (between_devices(fabric, link) && first(fabric.vertex(link.from).device) &&
          !first(fabric.vertex(link.to).device))
        crossing += link.bandwidth.value;
    if (crossing >= best.bandwidth) return;
    best.bandwidth = crossing;
    best.smaller_half = half;
    best.note = a == b ? fmt::format("across the side of size {}", size)
                       : fmt::format("across the {} of the sides of size {} and {}", sign > 0 ? "sum" : "difference",
                                     size, domain.dimensions[b]);
  };
  for (std::size_t a = 0; a < axes; ++a)
    for (std::size_t b = 0; b < axes; ++b)
      for (int offset = 0; domain.dimensions[a] % 2 == 0 && offset < domain.dimensions[a] / 2; ++offset)
        for (int sign : {-1, +1}) try_cut(a, b, sign, offset);
  best.full = static_cast<double>(best.smaller_half) * domain.bandwidth_per_device.value;
  best.method = "cuts";
  best.note = fmt::format("least of the straight and diagonal halves of {}, an upper bound: {}", of_what, best.note);
  return best;
}

}  // namespace

// Torus and mesh of sizes k1 >= k2 >= ... (Arjona Aroca & Fernandez Anta, IEEE TPDS 25(3), 2014): of a mesh C1 + ... + Ca links,
// Ci the product of the sizes after the i-th, a the first even size (all sizes, if none is); of a torus twice as many. The
// directions of a device share its bandwidth evenly.
double links_of_least_cut(std::vector<int> sizes) {
  std::sort(sizes.rbegin(), sizes.rend());
  double links = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    double plane = 1;
    for (std::size_t after = i + 1; after < sizes.size(); ++after) plane *= sizes[after];
    if (sizes[i] > 1) links += plane;
    if (sizes[i] % 2 == 0) break;
  }
  return links;
}

// A torus, mesh or ring of devices, not of routers with devices on them.
static bool is_grid_of_devices(const Domain& domain) { return domain.level == 0 && !domain.dimensions.empty(); }

// One regular network, and nothing wrong with it.
static bool is_regular(const Fabric& fabric) {
  return fabric.degraded().empty() && fabric.domains().size() == 1 &&
         fabric.domains()[0].members.size() == fabric.device_count();
}

std::optional<BisectionFacts> bisection_by_cuts(const Fabric& fabric) {
  if (!is_regular(fabric)) return std::nullopt;
  const Domain& domain = fabric.domains()[0];
  if (!is_grid_of_devices(domain)) return std::nullopt;
  if (is_twisted(fabric, domain)) return least_of_cuts(fabric, domain, "a twisted torus");
  const bool some_even = std::any_of(domain.dimensions.begin(), domain.dimensions.end(),
                                     [](int k) { return k % 2 == 0; });
  if (!some_even || even_direction(fabric, domain)) return std::nullopt;
  return least_of_cuts(fabric, domain, "a grid with links of several widths");
}

std::optional<BisectionFacts> bisection_by_formula(const Fabric& fabric) {
  if (!is_regular(fabric)) return std::nullopt;
  const Domain& domain = fabric.domains()[0];
  const auto n = static_cast<double>(domain.members.size());
  const double small = std::floor(n / 2), large = n - small, each = domain.bandwidth_per_device.value;
  BisectionFacts facts;
  switch (domain.kind) {
    case DomainKind::network_switch:
      facts.bandwidth = small * each;
      facts.exact = true;
      facts.note = "a switch that does not block: half of the devices at their full rate";
      break;
    case DomainKind::full_mesh:
      facts.bandwidth = small * large * each / (n - 1);
      facts.exact = true;
      facts.note = "floor(N/2) ceil(N/2) links between the halves";
      break;
    case DomainKind::ring:
    case DomainKind::torus:
    case DomainKind::mesh:
      if (!is_grid_of_devices(domain) || is_twisted(fabric, domain)) return std::nullopt;
      if (const auto grid = grid_formula(fabric, domain)) {
        facts = *grid;
        break;
      }
      return std::nullopt;
    case DomainKind::hypercube:
      facts.bandwidth = small * widest_link(fabric, domain.link_class);
      facts.exact = true;
      facts.note = "N/2 links across one dimension";
      break;
    default:
      return std::nullopt;
  }
  facts.method = "formula";
  facts.smaller_half = static_cast<std::size_t>(small);
  facts.full = small * each;
  return facts;
}

}  // namespace orrery
