#include "analysis/topology_facts_bisection.hpp"

#include <algorithm>
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
      if (domain.dimensions.empty()) return std::nullopt;
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

// Whether the network is a tree of switches whose branches are all alike, so that halving it in wiring order is the
// least of all cuts.
bool equal_branches(const Fabric& fabric) {
  if (!fabric.degraded().empty()) return false;
  const Domain* top = nullptr;
  for (const Domain& domain : fabric.domains())
    if (domain.members.size() == fabric.device_count() && (!top || domain.level > top->level)) top = &domain;
  if (!top || (top->kind != DomainKind::clos && top->kind != DomainKind::network_switch)) return false;
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
  for (const Cut& cut : candidate_cuts(fabric)) {
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
  best.exact = equal_branches(fabric);
  best.note = best.exact ? "least over halves along nodes, exact for equal branches: " + best.note
                         : "least over halves along nodes, an upper bound: " + best.note;
  return best;
}

BisectionFacts bisection(const Fabric& fabric, const FabricGraph& graph) {
  if (auto facts = bisection_by_formula(fabric)) return *facts;
  return bisection_by_flow(fabric, graph);
}

}  // namespace orrery
