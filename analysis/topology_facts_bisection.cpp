#include "analysis/topology_facts_bisection.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

namespace orrery {

namespace {

using Halves = std::vector<bool>;  // by device: whether it is in the first half

struct Cut {
  Halves first;
  std::string name;
};

// What devices can send together: out of their nodes, or, in a single node, each for itself.
class Senders {
 public:
  Senders(const Fabric& fabric, const FabricGraph& graph)
      : fabric_(fabric), graph_(graph), capacity_(graph.bandwidths()) {
    for (std::size_t v = 0; v < fabric.vertices().size(); ++v)
      if (fabric.vertices()[v].kind == VertexKind::network_switch && fabric.vertices()[v].node == ~0u)
        outside_.emplace_back(v);
  }

  double rate(const std::vector<VertexId>& devices) const {
    double sum = outside_.empty() ? 0 : graph_.max_flow(devices, outside_, capacity_);
    if (sum > 0) return sum;
    for (VertexId v : devices) {
      const DomainId domain = fabric_.domain_of(fabric_.vertex(v).device);
      if (domain.valid()) sum += fabric_.domain(domain).bandwidth_per_device.value;
    }
    return sum;
  }

  // By what leaves the NICs of a node (or of a device, if that has some for itself); nothing where there are none.
  std::vector<double> by_unit(const std::vector<std::uint32_t>& unit_of_device, std::size_t units) const {
    std::vector<double> rates(units, 0), nic_out(fabric_.vertices().size(), 0), users(nic_out);
    for (const Link& link : fabric_.links()) {
      if (from_nic(link)) nic_out[link.from.index()] += link.bandwidth.value;
      if (into_nic(link)) ++users[link.to.index()];
    }
    for (const Link& link : fabric_.links())
      if (into_nic(link)) {
        const double share = nic_out[link.to.index()] / users[link.to.index()];
        rates[unit_of_device[fabric_.vertex(link.from).device.index()]] += std::min(link.bandwidth.value, share);
      }
    // On a switch of their node, NICs are its devices' together.
    for (std::size_t v = 0; v < users.size(); ++v)
      if (users[v] == 0 && fabric_.vertices()[v].node < units) rates[fabric_.vertices()[v].node] += nic_out[v];
    return rates;
  }

 private:
  bool from_nic(const Link& link) const {
    return fabric_.vertex(link.from).kind == VertexKind::nic && fabric_.vertex(link.to).node == ~0u;
  }
  bool into_nic(const Link& link) const {
    return fabric_.vertex(link.from).kind == VertexKind::device && fabric_.vertex(link.to).kind == VertexKind::nic;
  }

  const Fabric& fabric_;
  const FabricGraph& graph_;
  std::vector<double> capacity_;
  std::vector<VertexId> outside_;
};

// Ways to halve: along nodes (a node stays whole), or along the devices of the only node. In wiring order; each to the half
// that is behind; and, where they differ, the slower ones against the faster.
class Halvings {
 public:
  Halvings(const Fabric& fabric, const Senders& senders) : unit_(fabric.device_count()) {
    std::uint32_t units = 0;
    for (std::size_t d = 0; d < unit_.size(); ++d) {
      unit_[d] = fabric.vertex(fabric.vertex_of(DeviceId(d))).node;
      units = std::max(units, unit_[d] + 1);
    }
    what_ = units > 1 ? "nodes" : "devices";
    if (units == 1) {
      units = static_cast<std::uint32_t>(unit_.size());
      for (std::size_t d = 0; d < unit_.size(); ++d) unit_[d] = static_cast<std::uint32_t>(d);
    }
    size_.assign(units, 0);
    for (std::uint32_t u : unit_) ++size_[u];
    rate_ = senders.by_unit(unit_, units);
  }

  // In the order in which their first devices stand.
  Cut along(const std::vector<DeviceId>& devices, const std::string& which) const {
    std::vector<std::uint32_t> order;
    std::vector<bool> seen(size_.size(), false);
    for (DeviceId d : devices) {
      const std::uint32_t u = unit_[d.index()];
      if (!seen[u]) order.push_back(u);
      seen[u] = true;
    }
    return first_of(order, which);
  }

  std::vector<Cut> cuts() const {
    std::vector<std::uint32_t> order(size_.size());
    for (std::size_t u = 0; u < order.size(); ++u) order[u] = static_cast<std::uint32_t>(u);
    std::vector<Cut> all{first_of(order, "in wiring order"), alternating()};
    const auto per_device = [&](std::uint32_t u) { return rate_[u] / static_cast<double>(size_[u]); };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return per_device(a) < per_device(b) * (1 - 1e-9); });
    if (per_device(order.front()) < per_device(order.back()) * (1 - 1e-9))
      all.push_back(first_of(order, "with the slowest ways out"));
    return all;
  }

 private:
  Cut cut(const std::vector<bool>& unit_in_first, std::string name) const {
    Cut made{Halves(unit_.size(), false), std::move(name)};
    for (std::size_t d = 0; d < unit_.size(); ++d) made.first[d] = unit_in_first[unit_[d]];
    return made;
  }

  // As many as come nearest to half of the devices.
  Cut first_of(const std::vector<std::uint32_t>& order, const std::string& which) const {
    std::vector<bool> in_first(size_.size(), false);
    std::size_t devices = 0, taken = 0;
    for (std::uint32_t u : order) {
      const std::size_t with = devices + size_[u];
      if (taken > 0 && 2 * with > unit_.size() && with + devices > unit_.size()) break;
      in_first[u] = true;
      devices = with;
      ++taken;
    }
    return cut(in_first, fmt::format("{} of {} {} {}", taken, size_.size(), what_, which));
  }

  Cut alternating() const {
    std::vector<bool> in_first(size_.size(), false);
    std::size_t first = 0, second = 0;
    for (std::size_t u = 0; u < size_.size(); ++u) {
      in_first[u] = first < second;
      (in_first[u] ? first : second) += size_[u];
    }
    return cut(in_first, fmt::format("every other of {} {}", size_.size(), what_));
  }

  std::vector<std::uint32_t> unit_;  // by device
  std::vector<std::size_t> size_;    // devices, by unit
  std::vector<double> rate_;         // by unit
  const char* what_ = "devices";
};

const Domain* top_domain(const Fabric& fabric) {
  const Domain* top = nullptr;
  for (const Domain& domain : fabric.domains())
    if (domain.members.size() == fabric.device_count() && (!top || domain.level > top->level)) top = &domain;
  return top;
}

// The routers of a torus or mesh of them, where each has the same number of devices: children of the whole, in their order.
std::vector<const Domain*> lattice_routers(const Fabric& fabric) {
  const Domain* top = top_domain(fabric);
  std::vector<const Domain*> routers;
  if (!top || (top->kind != DomainKind::torus && top->kind != DomainKind::mesh) || top->level == 0) return routers;
  for (const Domain& domain : fabric.domains())
    if (domain.parent.valid() && &fabric.domain(domain.parent) == top) routers.push_back(&domain);
  std::size_t product = 1;
  for (int size : top->dimensions) product *= static_cast<std::size_t>(size);
  if (routers.size() != product) return {};
  for (const Domain* router : routers)
    if (router->members.size() != routers[0]->members.size()) return {};
  return routers;
}

// Across every dimension of even size; and, as no plane halves an odd one, plane by plane along the longest dimension, the
// one in the middle again along the next longest, and so on.
std::vector<Cut> lattice_cuts(const Fabric& fabric, const Halvings& halvings) {
  const std::vector<const Domain*> routers = lattice_routers(fabric);
  std::vector<Cut> cuts;
  if (routers.empty()) return cuts;
  const Domain* top = top_domain(fabric);
  std::vector<std::pair<int, std::size_t>> sides;  // size, stride
  std::size_t stride = routers.size();
  for (int size : top->dimensions) {
    stride /= static_cast<std::size_t>(size);
    sides.emplace_back(size, stride);
    if (size % 2 != 0) continue;
    Cut cut{Halves(fabric.device_count(), false), fmt::format("across the dimension of size {}", size)};
    for (std::size_t r = 0; r < routers.size(); ++r)
      for (DeviceId d : routers[r]->members)
        cut.first[d.index()] = r / stride % static_cast<std::size_t>(size) < static_cast<std::size_t>(size / 2);
    cuts.push_back(std::move(cut));
  }
  std::stable_sort(sides.begin(), sides.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (sides.front().first % 2 == 0) return cuts;
  std::vector<DeviceId> planes;
  for (std::size_t turn = 0; turn < routers.size(); ++turn) {
    std::size_t router = 0, rest = turn;
    for (std::size_t i = sides.size(); i-- > 0; rest /= static_cast<std::size_t>(sides[i].first))
      router += rest % static_cast<std::size_t>(sides[i].first) * sides[i].second;
    planes.insert(planes.end(), routers[router]->members.begin(), routers[router]->members.end());
  }
  cuts.push_back(halvings.along(planes, fmt::format("along the odd dimension of size {}", sides.front().first)));
  return cuts;
}

bool alike(const std::vector<double>& values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return values.empty() || *most - *least <= 1e-9 * *most;
}

// Whether every device has as much of a NIC, and every NIC as much of the network, as any other.
bool same_ways_out(const Fabric& fabric) {
  std::vector<double> into(fabric.vertices().size(), 0), out(into), to_device(fabric.device_count(), 0), in_all,
      out_all;
  for (const Link& link : fabric.links()) {
    const Vertex &from = fabric.vertex(link.from), &to = fabric.vertex(link.to);
    if (to.kind == VertexKind::nic && from.node == to.node) {
      into[link.to.index()] += from.kind == VertexKind::device ? 1 : link.bandwidth.value;
      if (from.kind == VertexKind::device) to_device[from.device.index()] += link.bandwidth.value;
    }
    if (from.kind == VertexKind::nic && to.kind == VertexKind::network_switch && to.node == ~0u)
      out[link.from.index()] += link.bandwidth.value;
  }
  for (std::size_t v = 0; v < into.size(); ++v) {
    if (fabric.vertices()[v].kind != VertexKind::nic) continue;
    in_all.push_back(into[v]);
    out_all.push_back(out[v]);
  }
  return alike(to_device) && alike(in_all) && alike(out_all);
}

// The least cut of an untwisted torus or mesh of like routers, by its formula, if no more than the devices can send. Several
// nodes of a router could be halved where an odd side cannot, so that the formula holds for one of each there.
bool least_of_lattice(const Fabric& fabric, double bandwidth) {
  const Domain* top = top_domain(fabric);
  const std::vector<const Domain*> routers = lattice_routers(fabric);
  if (routers.empty() || !fabric.degraded().empty() || !same_ways_out(fabric)) return false;
  const int longest = *std::max_element(top->dimensions.begin(), top->dimensions.end());
  const auto node = [&](DeviceId d) { return fabric.vertex(fabric.vertex_of(d)).node; };
  const std::vector<DeviceId>& first = routers[0]->members;
  if (longest % 2 != 0 && node(first.front()) != node(first.back())) return false;
  double cable = 0;
  for (const Link& link : fabric.links())
    if (fabric.vertex(link.from).node == ~0u && fabric.vertex(link.to).node == ~0u &&
        (cable == 0 || link.bandwidth.value < cable))
      cable = link.bandwidth.value;
  const double formula = (top->kind == DomainKind::torus ? 2 : 1) * links_of_least_cut(top->dimensions) * cable;
  return longest > 2 && std::abs(bandwidth - formula) < 1e-9 * formula;
}

// Whether switches that are equally far from the NICs have equally much bandwidth towards them, and away from them but for
// the last ones.
bool same_switches(const Fabric& fabric, const FabricGraph& graph) {
  std::vector<VertexId> nics;
  for (std::size_t v = 0; v < fabric.vertices().size(); ++v)
    if (fabric.vertices()[v].kind == VertexKind::nic) nics.emplace_back(v);
  const std::vector<std::uint32_t> depth = graph.distances(nics);
  std::vector<double> down(depth.size(), 0), up(depth.size(), 0);
  for (const Link& link : fabric.links())
    (depth[link.to.index()] < depth[link.from.index()] ? down : up)[link.from.index()] += link.bandwidth.value;
  std::map<std::uint32_t, std::pair<std::vector<double>, std::vector<double>>> by_depth;
  for (std::size_t v = 0; v < depth.size(); ++v) {
    if (fabric.vertices()[v].kind != VertexKind::network_switch || fabric.vertices()[v].node != ~0u) continue;
    by_depth[depth[v]].first.push_back(down[v]);
    by_depth[depth[v]].second.push_back(up[v]);
  }
  return std::all_of(by_depth.begin(), by_depth.end(),
                     [](const auto& level) { return alike(level.second.first) && alike(level.second.second); });
}

// Whether the network is a tree of switches whose branches are all alike, in size and in bandwidth, so that halving it in
// wiring order is the least of all cuts.
bool equal_branches(const Fabric& fabric, const FabricGraph& graph) {
  if (!fabric.degraded().empty()) return false;
  const Domain* top = top_domain(fabric);
  if (!top || (top->kind != DomainKind::clos && top->kind != DomainKind::network_switch &&
               top->kind != DomainKind::optical_circuits))
    return false;
  std::size_t branches = 0;
  std::map<int, std::size_t> size_of_level;
  for (const Domain& domain : fabric.domains()) {
    branches += domain.parent.valid() && &fabric.domain(domain.parent) == top;
    if (size_of_level.try_emplace(domain.level, domain.members.size()).first->second != domain.members.size())
      return false;
  }
  return branches >= 2 && branches % 2 == 0 && same_ways_out(fabric) && same_switches(fabric, graph);
}

}  // namespace

BisectionFacts bisection_by_flow(const Fabric& fabric, const FabricGraph& graph) {
  BisectionFacts best;
  best.bandwidth = std::numeric_limits<double>::infinity();
  const std::vector<double> capacity = graph.bandwidths();
  const Senders senders(fabric, graph);
  const Halvings halvings(fabric, senders);
  std::vector<Cut> cuts = halvings.cuts();
  for (Cut& cut : lattice_cuts(fabric, halvings)) cuts.push_back(std::move(cut));
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
    best.full = std::min(senders.rate(one), senders.rate(other));
  }
  best.method = "max-flow";
  const bool branches = equal_branches(fabric, graph), lattice = least_of_lattice(fabric, best.bandwidth);
  best.exact = branches || lattice;
  best.note = fmt::format("least over halves along nodes, {}: {}",
                          branches  ? "exact for equal branches"
                          : lattice ? "exact for a torus or mesh"
                                    : "an upper bound",
                          best.note);
  return best;
}

BisectionFacts bisection(const Fabric& fabric, const FabricGraph& graph) {
  if (auto facts = bisection_by_formula(fabric)) return *facts;
  if (auto facts = bisection_by_cuts(fabric)) return *facts;
  return bisection_by_flow(fabric, graph);
}

}  // namespace orrery
