#include "analysis/topology_facts_levels.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace orrery {

namespace {

std::vector<VertexId> places(const Fabric& fabric, std::span<const DeviceId> devices) {
  std::vector<VertexId> all;
  for (DeviceId d : devices) all.push_back(fabric.vertex_of(d));
  return all;
}

std::vector<DeviceId> devices_except(const Fabric& fabric, std::span<const DeviceId> devices) {
  std::vector<bool> inside(fabric.device_count(), false);
  for (DeviceId d : devices) inside[d.index()] = true;
  std::vector<DeviceId> others;
  for (std::size_t d = 0; d < inside.size(); ++d)
    if (!inside[d]) others.emplace_back(d);
  return others;
}

// What the devices can send to the rest together. Whatever is no farther from the other devices than from these counts as
// outside, so that a small remainder of the cluster does not limit the answer.
double bandwidth_out(const Fabric& fabric, const FabricGraph& graph, std::span<const DeviceId> members,
                     std::span<const double> capacity) {
  const std::vector<VertexId> inside = places(fabric, members);
  const auto near = graph.distances(inside);
  const auto far = graph.distances(places(fabric, devices_except(fabric, members)));
  std::vector<VertexId> outside;
  for (std::size_t v = 0; v < near.size(); ++v)
    if (far[v] <= near[v] && far[v] != FabricGraph::unreached) outside.emplace_back(v);
  return graph.max_flow(inside, outside, capacity);
}

// The children of a domain: the domains directly below it, or its devices one by one.
std::vector<std::vector<DeviceId>> first_and_last_child(const Fabric& fabric, DomainId id) {
  const Domain& domain = fabric.domain(id);
  std::vector<std::vector<DeviceId>> ends;
  for (std::size_t d = 0; d < fabric.domains().size(); ++d)
    if (fabric.domains()[d].parent == id) {
      if (ends.size() == 2) ends.pop_back();
      ends.push_back(fabric.domains()[d].members);
    }
  if (ends.size() == 2) return ends;
  return {{domain.members.front()}, {domain.members.back()}};
}

struct LevelSample {
  LevelFacts facts;
  DomainId largest;
  std::vector<DomainId> all;
};

std::vector<LevelSample> levels_of(const Fabric& fabric) {
  std::map<std::tuple<int, std::size_t, DomainKind, std::vector<int>>, LevelSample> by_wiring;
  std::map<std::pair<DomainKind, std::vector<int>>, std::size_t> appeared;  // in order of wiring
  for (std::size_t d = 0; d < fabric.domains().size(); ++d) {
    const Domain& domain = fabric.domains()[d];
    const std::size_t size = domain.members.size();
    if (size < 2) continue;
    const std::size_t turn = appeared.try_emplace({domain.kind, domain.dimensions}, appeared.size()).first->second;
    auto [it, fresh] = by_wiring.try_emplace({domain.level, turn, domain.kind, domain.dimensions});
    LevelSample& of = it->second;
    if (fresh || size > of.facts.largest) of.largest = DomainId(d);
    of.facts.kind = domain.kind;
    of.facts.dimensions = domain.dimensions;
    of.facts.level = domain.level;
    of.facts.smallest = fresh ? size : std::min(of.facts.smallest, size);
    of.facts.largest = std::max(of.facts.largest, size);
    of.all.emplace_back(d);
  }
  std::vector<LevelSample> all;
  for (auto& [wiring, sample] : by_wiring) {
    sample.facts.domains = sample.all.size();
    all.push_back(std::move(sample));
  }
  return all;
}

// Inside a node, paths that leave it do not count.
std::vector<double> inside_nodes(const Fabric& fabric, std::vector<double> widths) {
  for (std::size_t l = 0; l < widths.size(); ++l) {
    const Link& link = fabric.links()[l];
    for (VertexId end : {link.from, link.to})
      if (fabric.vertex(end).kind == VertexKind::nic || fabric.vertex(end).node == ~0u) widths[l] = 0;
  }
  return widths;
}

// What the levels measured so far offer the members of a domain, on average.
double offered_to(const Domain& domain, const std::vector<double>& offered) {
  double sum = 0;
  for (DeviceId d : domain.members) {
    if (!(offered[d.index()] > 0)) return domain.bandwidth_per_device.value;
    sum += offered[d.index()];
  }
  return sum / static_cast<double>(domain.members.size());
}

}  // namespace

std::vector<LevelFacts> measure_levels(const Fabric& fabric, const FabricGraph& graph) {
  const std::vector<double> bandwidths = graph.bandwidths(), widths = graph.widths(),
                            inner_widths = inside_nodes(fabric, widths);
  std::vector<double> offered(fabric.device_count(), 0);  // by device: by the level below
  std::vector<LevelFacts> levels;
  for (const LevelSample& sample : levels_of(fabric)) {
    LevelFacts level = sample.facts;
    const Domain& domain = fabric.domain(sample.largest);
    level.offered_per_device = offered_to(domain, offered);
    if (domain.members.size() < fabric.device_count()) {
      level.bandwidth_out = bandwidth_out(fabric, graph, domain.members, bandwidths);
      level.bandwidth_out_per_device = *level.bandwidth_out / static_cast<double>(domain.members.size());
      level.oversubscription = level.offered_per_device / *level.bandwidth_out_per_device;
      for (DomainId id : sample.all)
        for (DeviceId d : fabric.domain(id).members) offered[d.index()] = *level.bandwidth_out_per_device;
    }
    const auto ends = first_and_last_child(fabric, sample.largest);
    level.disjoint_paths = graph.max_flow(places(fabric, ends.front()), places(fabric, ends.back()),
                                          level.level == 0 ? inner_widths : widths);
    levels.push_back(std::move(level));
  }
  return levels;
}

}  // namespace orrery
