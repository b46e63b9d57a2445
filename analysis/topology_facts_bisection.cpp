#include "analysis/topology_facts_bisection.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace orrery {

namespace {

double widest_link(const Fabric& fabric, LinkClassId of) {
  double most = 0;
  for (const Link& link : fabric.links())
    if (link.link_class == of) most = std::max(most, link.bandwidth.value);
  return most;
}

// Torus and mesh: a cut across the longest dimension, of those of even size if there are any: they halve the devices
// exactly. The directions of a device share its bandwidth evenly; in a torus, both of a dimension cross the cut.
BisectionFacts grid_formula(const Domain& domain) {
  int longest = 1, longest_even = 0;
  double directions = 0;
  for (int size : domain.dimensions) {
    longest = std::max(longest, size);
    if (size % 2 == 0) longest_even = std::max(longest_even, size);
    if (size > 1) directions += 2;
  }
  const int across = longest_even > 0 ? longest_even : longest;
  const bool wraps = domain.kind != DomainKind::mesh;
  const double cable = domain.bandwidth_per_device.value / std::max(directions, 1.0);
  BisectionFacts facts;
  facts.bandwidth = static_cast<double>(domain.members.size()) / across * cable * (wraps ? 2 : 1);
  facts.exact = across == longest && longest_even > 0;
  facts.note = fmt::format("{} links across the dimension of size {}{}", wraps ? "2 N/k" : "N/k", across,
                           longest_even > 0 ? "" : ", which is odd: the halves differ by one plane");
  return facts;
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
// holds. The least cut across one side, or across the sum or difference of two, at any place: an upper bound.
BisectionFacts twisted_cuts(const Fabric& fabric, const Domain& domain) {
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
  best.method = "cuts";
  best.note = "least of the straight and diagonal halves of a twisted torus, an upper bound: " + best.note;
  return best;
}

}  // namespace

std::optional<BisectionFacts> bisection_by_formula(const Fabric& fabric) {
  if (!fabric.degraded().empty()) return std::nullopt;
  if (fabric.domains().size() != 1 || fabric.domains()[0].members.size() != fabric.device_count()) return std::nullopt;
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
      if (domain.dimensions.empty() || is_twisted(fabric, domain)) return std::nullopt;
      facts = grid_formula(domain);
      break;
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
  return facts;
}

namespace {

using Halves = std::vector<bool>;  // by device: whether it is in the first half

struct Cut {
  Halves first;
  std::string name;
};

// Ways to halve: along nodes (a node stays whole) in wiring order and alternating, or along the devices of the only node.
std::vector<Cut> candidate_cuts(const Fabric& fabric) {
  std::vector<std::uint32_t> unit(fabric.device_count());
  std::uint32_t units = 0;
  for (std::size_t d = 0; d < unit.size(); ++d) {
    unit[d] = fabric.vertex(fabric.vertex_of(DeviceId(d))).node;
    units = std::max(units, unit[d] + 1);
  }
  const bool nodes = units > 1;
  if (!nodes) {
    units = static_cast<std::uint32_t>(unit.size());
    for (std::size_t d = 0; d < unit.size(); ++d) unit[d] = static_cast<std::uint32_t>(d);
  }
  const char* what = nodes ? "nodes" : "devices";
  std::vector<Cut> cuts(2);
  cuts[0].name = fmt::format("{} of {} {} in wiring order", units / 2, units, what);
  cuts[1].name = fmt::format("every other of {} {}", units, what);
  for (Cut& cut : cuts) cut.first.resize(unit.size());
  for (std::size_t d = 0; d < unit.size(); ++d) {
    cuts[0].first[d] = unit[d] < units / 2;
    cuts[1].first[d] = unit[d] % 2 == 1;
  }
  return cuts;
}

const Domain* top_domain(const Fabric& fabric) {
  const Domain* top = nullptr;
  for (const Domain& domain : fabric.domains())
    if (domain.members.size() == fabric.device_count() && (!top || domain.level > top->level)) top = &domain;
  return top;
}

// Of a torus or mesh of routers, each with the same number of devices: across every dimension of even size. The devices of
// a router are a child of the whole, in the order of routers.
std::vector<Cut> lattice_cuts(const Fabric& fabric) {
  const Domain* top = top_domain(fabric);
  std::vector<Cut> cuts;
  if (!top || (top->kind != DomainKind::torus && top->kind != DomainKind::mesh) || top->level == 0) return cuts;
  std::vector<const Domain*> routers;
  for (const Domain& domain : fabric.domains())
    if (domain.parent.valid() && &fabric.domain(domain.parent) == top) routers.push_back(&domain);
  std::size_t product = 1;
  for (int size : top->dimensions) product *= static_cast<std::size_t>(size);
  if (routers.size() != product) return cuts;
  for (const Domain* router : routers)
    if (router->members.size() != routers[0]->members.size()) return cuts;
  std::size_t stride = product;
  for (int size : top->dimensions) {
    stride /= static_cast<std::size_t>(size);
    if (size % 2 != 0) continue;
    Cut cut{Halves(fabric.device_count(), false), fmt::format("across the dimension of size {}", size)};
    for (std::size_t r = 0; r < routers.size(); ++r)
      for (DeviceId d : routers[r]->members)
        cut.first[d.index()] = r / stride % static_cast<std::size_t>(size) < static_cast<std::size_t>(size / 2);
    cuts.push_back(std::move(cut));
  }
  return cuts;
}

// The least cut of an untwisted torus (mesh) of routers with an even longest side k: 2 N/k (N/k) cables, if no more than the
// devices can send.
bool least_of_lattice(const Fabric& fabric, double bandwidth) {
  const Domain* top = top_domain(fabric);
  if (lattice_cuts(fabric).empty() || !fabric.degraded().empty()) return false;
  int longest = 1;
  double routers = 1, cable = 0;
  for (int size : top->dimensions) {
    longest = std::max(longest, size);
    routers *= size;
  }
  for (const Link& link : fabric.links())
    if (fabric.vertex(link.from).node == ~0u && fabric.vertex(link.to).node == ~0u &&
        (cable == 0 || link.bandwidth.value < cable))
      cable = link.bandwidth.value;
  const double formula = (top->kind == DomainKind::torus ? 2 : 1) * routers / longest * cable;
  return longest % 2 == 0 && longest > 2 && std::abs(bandwidth - formula) < 1e-9 * formula;
}

// Whether the network is a tree of switches whose branches are all alike, so that halving it in wiring order is the
// least of all cuts.
bool equal_branches(const Fabric& fabric) {
  if (!fabric.degraded().empty()) return false;
  const Domain* top = top_domain(fabric);
  if (!top || (top->kind != DomainKind::clos && top->kind != DomainKind::network_switch &&
               top->kind != DomainKind::optical_circuits))
    return false;
  std::vector<std::size_t> sizes;
  for (const Domain& domain : fabric.domains())
    if (domain.parent.valid() && &fabric.domain(domain.parent) == top) sizes.push_back(domain.members.size());
  return sizes.size() >= 2 && sizes.size() % 2 == 0 &&
         std::count(sizes.begin(), sizes.end(), sizes[0]) == static_cast<std::ptrdiff_t>(sizes.size());
}

}  // namespace

BisectionFacts bisection_by_flow(const Fabric& fabric, const FabricGraph& graph) {
  BisectionFacts best;
  best.bandwidth = std::numeric_limits<double>::infinity();
  const std::vector<double> capacity = graph.bandwidths();
  std::vector<Cut> cuts = candidate_cuts(fabric);
  for (Cut& cut : lattice_cuts(fabric)) cuts.push_back(std::move(cut));
  for (const Cut& cut : cuts) {
    std::vector<VertexId> one, other;
    for (std::size_t d = 0; d < cut.first.size(); ++d)
      (cut.first[d] ? one : other).push_back(fabric.vertex_of(DeviceId(d)));
    if (one.empty() || other.empty()) continue;
    const double bandwidth = graph.max_flow(one, other, capacity);
    if (bandwidth >= best.bandwidth) continue;
    best.bandwidth = bandwidth;
    best.note = cut.name;
    if (one.size() != other.size()) best.note += fmt::format(" ({} devices against {})", one.size(), other.size());
    best.smaller_half = std::min(one.size(), other.size());
  }
  best.method = "max-flow";
  const bool branches = equal_branches(fabric), lattice = least_of_lattice(fabric, best.bandwidth);
  best.exact = branches || lattice;
  best.note = fmt::format("least over halves along nodes, {}: {}",
                          branches  ? "exact for equal branches"
                          : lattice ? "exact for a torus or mesh with an even longest side"
                                    : "an upper bound",
                          best.note);
  return best;
}

BisectionFacts bisection(const Fabric& fabric, const FabricGraph& graph) {
  if (auto facts = bisection_by_formula(fabric)) return *facts;
  const auto domains = fabric.domains();
  if (domains.size() == 1 && domains[0].members.size() == fabric.device_count() && is_twisted(fabric, domains[0]) &&
      fabric.degraded().empty())
    return twisted_cuts(fabric, domains[0]);
  return bisection_by_flow(fabric, graph);
}

}  // namespace orrery
