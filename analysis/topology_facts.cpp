#include "analysis/topology_facts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "analysis/topology_facts_bisection.hpp"
#include "analysis/topology_facts_graph.hpp"
#include "analysis/topology_facts_levels.hpp"

namespace orrery {

namespace {

constexpr std::size_t most_exact_sources = 2048, sampled_sources = 48, farthest_sweeps = 8;

void count_parts(const Cluster& cluster, const FabricGraph& graph, TopologyFacts& facts) {
  std::map<std::string, std::size_t> by_type;
  for (DeviceTypeId type : cluster.type_of) ++by_type[cluster.device_types[type.index()].name];
  facts.devices.assign(by_type.begin(), by_type.end());
  facts.device_count = cluster.fabric.device_count();
  facts.vertices = cluster.fabric.vertices().size();
  std::uint32_t nodes = 0;
  for (std::size_t i = 0; i < cluster.fabric.vertices().size(); ++i) {
    const Vertex& v = cluster.fabric.vertices()[i];
    const bool in_node = v.node != ~0u;
    if (in_node) nodes = std::max(nodes, v.node + 1);
    if (v.kind == VertexKind::nic) ++facts.nics;
    if (v.kind == VertexKind::host) ++facts.hosts;
    if (v.kind == VertexKind::memory) ++facts.memory_pools;
    if (v.kind == VertexKind::network_switch && graph.is_part(VertexId(i)))
      ++(in_node ? facts.node_switches : facts.fabric_switches);
  }
  facts.nodes = nodes;
}

// Links there and back between two places of one class are a pair.
class Pairs {
 public:
  void add(const Link& link) {
    const bool up = link.from < link.to;
    const std::uint64_t low = up ? link.from.value : link.to.value, high = up ? link.to.value : link.from.value;
    Ways& ways = by_ends_[{low << 32 | high, link.link_class.value}];
    ++ways.links[up];
    ways.cables[up] += link.cables;
  }
  void count(std::vector<LinkFacts>& all) const {
    for (const auto& [ends, ways] : by_ends_) {
      all[ends.second].pairs += std::max(ways.links[0], ways.links[1]);
      all[ends.second].cables += std::max(ways.cables[0], ways.cables[1]);
    }
  }

 private:
  struct Ways {  // downwards, upwards
    std::array<std::size_t, 2> links{};
    std::array<double, 2> cables{};
  };
  std::map<std::pair<std::uint64_t, std::uint32_t>, Ways> by_ends_;
};

void count_ports(const Fabric& fabric, const FabricGraph& graph, TopologyFacts& facts) {
  std::vector<double> ports(fabric.vertices().size(), 0);
  std::set<std::pair<VertexId, VertexId>> joints;  // several side by side are one
  for (const Link& link : fabric.links())
    if (link.bandwidth.value > 0 && (link.cables > 0 || joints.insert({link.from, link.to}).second))
      ports[link.from.index()] += link.cables > 0 ? link.cables : 1;
  for (std::size_t v = 0; v < ports.size(); ++v)
    if (fabric.vertices()[v].kind == VertexKind::network_switch && fabric.vertices()[v].node == ~0u &&
        graph.is_part(VertexId(v)))
      ++facts.switch_ports[static_cast<std::size_t>(std::llround(ports[v]))];
}

// What several entries touch counts once: cables that were left over when others failed, and slowed ones that work.
void count_degraded(const Fabric& fabric, std::vector<LinkFacts>& all) {
  struct Cables {
    double slowed = 0, failed_before = 0;
  };
  std::map<LinkId, Cables> touched;
  for (const DegradedLink& degraded : fabric.degraded()) {
    Cables& cables = touched[degraded.link];
    if (degraded.failed && degraded.rate > 0) cables.failed_before += degraded.cables;
    if (!degraded.failed && degraded.rate < 1) cables.slowed += degraded.cables;
  }
  for (const auto& [id, cables] : touched) {
    const Link& link = fabric.link(id);
    const bool works = link.bandwidth.value > 0;
    LinkFacts& of = all[link.link_class.index()];
    of.failed += cables.failed_before + (works ? 0 : link.cables);
    if (works) of.slowed += std::min(cables.slowed, link.cables);
  }
}

void count_links(const Fabric& fabric, TopologyFacts& facts) {
  std::vector<LinkFacts> all(fabric.link_classes().size());
  Pairs pairs;
  for (const Link& link : fabric.links()) {
    if (link.cables == 0) continue;  // a joint
    LinkFacts& of = all[link.link_class.index()];
    const double bandwidth = link.bandwidth.value, each = bandwidth / link.cables;
    ++of.links;
    if (!(bandwidth > 0)) continue;
    pairs.add(link);
    of.slowest = of.fastest > 0 ? std::min(of.slowest, each) : each;
    of.fastest = std::max(of.fastest, each);
    of.total += bandwidth;
    of.latency_s = std::max(of.latency_s, link.latency.value);
  }
  pairs.count(all);
  count_degraded(fabric, all);
  for (std::size_t c = 0; c < all.size(); ++c) {
    const LinkClass& link_class = fabric.link_classes()[c];
    all[c].name = link_class.name;
    if (link_class.energy) all[c].energy_J_per_byte = link_class.energy->value;
    if (all[c].links > 0) facts.links.push_back(all[c]);
  }
}

class DistanceSurvey {
 public:
  DistanceSurvey(const Cluster& cluster, const FabricGraph& graph) : cluster_(cluster), graph_(graph) {}

  DistanceFacts run() {
    const std::size_t n = cluster_.fabric.device_count();
    facts_.exact = n <= most_exact_sources;
    if (facts_.exact)
      for (std::size_t d = 0; d < n; ++d) from(DeviceId(d));
    else
      sample(n);
    facts_.mean_hops = pairs_ > 0 ? hops_ / pairs_ : 0;
    facts_.shortest_paths = graph_.shortest_paths(cluster_.fabric.vertex_of(facts_.from),
                                                  cluster_.fabric.vertex_of(facts_.to));
    return facts_;
  }

 private:
  void sample(std::size_t n) {
    for (std::size_t i = 0; i < sampled_sources; ++i) from(DeviceId(i * (n - 1) / (sampled_sources - 1)));
    for (std::size_t i = 0; i < farthest_sweeps; ++i) from(farthest_);  // double sweeps find what an even sample misses
  }

  void from(DeviceId source) {
    const Fabric& fabric = cluster_.fabric;
    const VertexId place = fabric.vertex_of(source);
    const auto distance = graph_.distances({&place, 1});
    std::uint32_t most = 0;
    for (std::size_t d = 0; d < fabric.device_count(); ++d) {
      const std::uint32_t hops = distance[fabric.vertex_of(DeviceId(d)).index()];
      if (d == source.index()) continue;
      hops_ += hops;
      ++pairs_;
      if (hops < most) continue;
      most = hops;
      farthest_ = DeviceId(d);
    }
    ++facts_.sources;
    std::vector<Hop> path;
    const Seconds latency = cluster_.router->route(place, fabric.vertex_of(farthest_), 0, path);
    facts_.diameter_latency_s = std::max(facts_.diameter_latency_s, latency.value);
    if (most <= facts_.diameter_hops) return;
    facts_.diameter_hops = most;
    facts_.from = source;
    facts_.to = farthest_;
  }

  const Cluster& cluster_;
  const FabricGraph& graph_;
  DistanceFacts facts_;
  DeviceId farthest_;
  double hops_ = 0, pairs_ = 0;
};

// The sum over all devices of what `figure` says of their type; none, with a note, where it does not say.
template <class Figure>
std::optional<double> sum_over_devices(const Cluster& cluster, const char* what, Figure figure,
                                       std::vector<std::string>& notes) {
  std::map<std::uint32_t, std::size_t> devices;
  for (DeviceTypeId type : cluster.type_of) ++devices[type.value];
  double total = 0;
  for (const auto& [type, count] : devices) {
    const std::optional<double> one = figure(cluster.device_types[type]);
    if (!one) {
      notes.push_back(std::string(what) + " is not known: " + cluster.device_types[type].name + " does not say");
      return std::nullopt;
    }
    total += *one * static_cast<double>(count);
  }
  return total;
}

template <class Q> std::optional<double> number(const std::optional<Q>& quantity, double scale = 1) {
  return quantity ? std::optional(quantity->value * scale) : std::nullopt;
}

// Of all items of a kind that the hosts' power does not hold already; none where one does not say, or there are no items.
std::optional<double> power_of_kind(const std::vector<NetworkItem>& items, std::string_view kind) {
  std::optional<double> total;
  for (const NetworkItem& item : items) {
    if (item.kind != kind) continue;
    if (!item.power && !item.in_host_power) return std::nullopt;
    total = total.value_or(0) + (item.in_host_power ? 0 : item.power->value * item.count);
  }
  return total;
}

std::optional<double> price_of(const std::vector<NetworkItem>& items) {
  std::optional<double> total;
  for (const NetworkItem& item : items) {
    if (!item.price) return std::nullopt;
    total = total.value_or(0) + item.price->value * item.count;
  }
  return total;
}

void add_network(TopologyFacts& facts) {
  facts.switches_power_W = power_of_kind(facts.network, "switch");
  facts.nics_power_W = power_of_kind(facts.network, "nic");
  facts.cables_power_W = power_of_kind(facts.network, "cable");
  facts.network_USD = price_of(facts.network);
  std::string powerless, priceless;
  for (const NetworkItem& item : facts.network) {
    if (!item.power && !item.in_host_power) powerless += (powerless.empty() ? "" : ", ") + item.name();
    if (!item.price) priceless += (priceless.empty() ? "" : ", ") + item.name();
  }
  if (!powerless.empty()) facts.notes.push_back("power is not known of " + powerless);
  if (!priceless.empty()) facts.notes.push_back("price is not known of " + priceless);
}

void add_power(const Cluster& cluster, TopologyFacts& facts) {
  facts.devices_power_W = sum_over_devices(
      cluster, "power of the accelerators", [](const DeviceModel& d) { return number(d.power.most()); }, facts.notes);
  double hosts = 0;
  for (std::size_t d = 0; d < cluster.type_of.size(); ++d) hosts += cluster.host_power_of(DeviceId(d)).value;
  if (hosts > 0)
    facts.host_power_W = hosts;
  else
    facts.notes.emplace_back("power of the hosts is not known: the nodes name no host with a power");
  double watts = 0;
  std::string silent;
  for (const LinkFacts& link : facts.links) {
    if (link.energy_J_per_byte)
      watts += *link.energy_J_per_byte * link.total;
    else if (!is_network_link(facts.network, link.name))
      silent += (silent.empty() ? "" : ", ") + link.name;
  }
  if (watts > 0) facts.links_power_W = watts;
  if (!silent.empty()) facts.notes.push_back("energy per byte is not known of " + silent);
}

void add_prices(const Cluster& cluster, TopologyFacts& facts) {
  const auto of = [&](const char* what, auto member, double scale) {
    return sum_over_devices(
        cluster, what, [&](const DeviceModel& d) { return d.price ? number((*d.price).*member, scale) : std::nullopt; },
        facts.notes);
  };
  facts.purchase_USD = of("purchase price", &DevicePrice::purchase, 1);
  facts.rental_low_USD_per_h = of("rental price", &DevicePrice::rental_low, 3600);
  if (facts.rental_low_USD_per_h)
    facts.rental_high_USD_per_h = of("highest rental price", &DevicePrice::rental_high, 3600);
}

}  // namespace

TopologyFacts topology_facts(const Cluster& cluster, const std::vector<NetworkItem>& network) {
  TopologyFacts facts;
  facts.network = network;
  facts.name = cluster.name;
  const FabricGraph graph(cluster.fabric);
  count_parts(cluster, graph, facts);
  count_links(cluster.fabric, facts);
  count_ports(cluster.fabric, graph, facts);
  facts.levels = measure_levels(cluster.fabric, graph);
  if (facts.device_count > 1) {
    facts.distance = DistanceSurvey(cluster, graph).run();
    facts.bisection = bisection(cluster.fabric, graph);
  }
  add_power(cluster, facts);
  add_prices(cluster, facts);
  add_network(facts);
  return facts;
}

std::size_t physical_switches(const TopologyFacts& facts, std::size_t radix) {
  std::size_t all = 0;
  for (const auto& [ports, count] : facts.switch_ports)
    all += count * std::max<std::size_t>(1, (ports + radix - 1) / radix);
  return all;
}

std::string_view domain_kind_name(DomainKind kind) {
  switch (kind) {
    case DomainKind::network_switch:
      return "switch";
    case DomainKind::full_mesh:
      return "full-mesh";
    case DomainKind::ring:
      return "ring";
    case DomainKind::torus:
      return "torus";
    case DomainKind::mesh:
      return "mesh";
    case DomainKind::hypercube:
      return "hypercube";
    case DomainKind::hybrid_cube_mesh:
      return "hybrid-cube-mesh";
    case DomainKind::pcie_tree:
      return "pcie-tree";
    case DomainKind::clos:
      return "clos";
    case DomainKind::dragonfly:
      return "dragonfly";
    case DomainKind::hyperx:
      return "hyperx";
    case DomainKind::optical_circuits:
      return "optical-circuits";
    case DomainKind::wide_area:
      return "wide-area";
    case DomainKind::custom:
      return "custom";
  }
  return "custom";
}

}  // namespace orrery
