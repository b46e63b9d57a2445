#include "kernels/collectives/options.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "sim/error.hpp"
#include "sim/routes.hpp"

namespace orrery {

namespace {

std::span<const std::string_view> protocols_of(const CollectiveAlgorithm& algorithm) {
  static constexpr std::string_view simple[] = {"simple"};
  return algorithm.protocols.empty() ? std::span<const std::string_view>(simple) : algorithm.protocols;
}

// What is inside the nodes that have several members; where they are of different generations, of all of them.
struct Inside {
  std::vector<const GroupNode*> kinds;  // one of each calibration, by its name
  bool any() const { return !kinds.empty(); }
  // Of whatever class: a torus of cubes has optical links as well. What leads to a NIC is on the way out.
  bool has(const Fabric& fabric, const Link& link) const {
    const Vertex &from = fabric.vertex(link.from), &to = fabric.vertex(link.to);
    return any() && from.node != ~0u && from.node == to.node && from.kind != VertexKind::nic &&
           to.kind != VertexKind::nic;
  }
};

// One node of each calibration of those with `least` members or more, by its name.
std::vector<const GroupNode*> node_kinds(const Group& group, std::size_t least) {
  std::map<std::string_view, const GroupNode*> kinds;
  for (const GroupNode& node : group.nodes)
    if (node.ranks.size() >= least && node.domain) kinds.try_emplace(node.domain->calibration, &node);
  std::vector<const GroupNode*> nodes;
  for (const auto& [name, node] : kinds) nodes.push_back(node);
  return nodes;
}

Inside inside_of(const Group& group) {
  return {group.scale_up() ? std::vector<const GroupNode*>{} : node_kinds(group, 2)};
}

LevelLoads loads_over(const Fabric& fabric, const RoutedPattern& routed, const Inside& inner) {
  LevelLoads loads;
  for (const LinkLoad& load : routed.loads) {
    const Link& link = fabric.link(load.link);
    double& bottleneck = inner.has(fabric, link) ? loads.inner : loads.outer;
    bottleneck = std::max(bottleneck, load.weight / link.bandwidth.value);
  }
  for (const CircuitLoad& circuit : routed.circuits)
    if (circuit.bandwidth > 0) loads.outer = std::max(loads.outer, circuit.weight / circuit.bandwidth);
  return loads;
}

// What the hop of each pair of a phase takes: inside nodes the most, where the group has rounds there; of those that the outer
// rounds wait for the least and the most.
class PairLatencies {
 public:
  // `latencies`: of each pair.
  PairLatencies(const Group& group, const std::vector<PairTraffic>& pairs, std::span<const Seconds> latencies,
                bool between_nodes)
      : pairs_(pairs), latencies_(latencies), waited_for_(pairs.size()), first_from_(group.places.size() + 1, 0) {
    constexpr std::uint32_t none = ~0u;  // of switches between nodes
    const auto node_of = [&](std::uint32_t rank) { return group.cluster->fabric.vertex(group.places[rank]).node; };
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      ++first_from_[pairs[i].from + 1];
      const std::uint32_t node = node_of(pairs[i].from);
      waited_for_[i] = !between_nodes || node == none || node != node_of(pairs[i].to);
      if (!waited_for_[i]) {
        inside_ = std::max(inside_, latencies[i].value);
        continue;
      }
      least_ = std::min(least_, latencies[i].value);
      most_ = std::max(most_, latencies[i].value);
    }
    std::partial_sum(first_from_.begin(), first_from_.end(), first_from_.begin());
  }
  double inside() const { return inside_; }
  double least() const { return least_; }
  double most() const { return most_; }
  bool alike() const { return most_ - least_ <= 1e-9 * most_; }  // sums of the same cables in another order
  // What a hop takes beyond the least.
  double beyond(std::uint32_t from, std::uint32_t to) const {
    for (std::size_t i = first_from_[from]; i < first_from_[from + 1]; ++i)
      if (pairs_[i].to == to) return waited_for_[i] ? latencies_[i].value - least_ : 0;
    return 0;
  }

 private:
  const std::vector<PairTraffic>& pairs_;  // sorted
  std::span<const Seconds> latencies_;
  std::vector<bool> waited_for_;
  std::vector<std::size_t> first_from_;  // by participant: its first pair
  double inside_ = 0, least_ = std::numeric_limits<double>::infinity(), most_ = 0;
};

// Rounds that overlap wait for their own hop only: each pays the shortest one, and the longest way what its hops have beyond.
// A transfer pays its rounds at its longest path, so where that lies inside nodes the outer rounds are paid here.
void add_latencies(PhaseTerms& terms, const TrafficPhase& phase, const PairLatencies& hops) {
  terms.inner_latency_s = hops.inside();
  if (terms.outer_rounds == 0) return;
  if (phase.longest && !hops.alike()) {
    const HopDelay beyond = [&](std::uint32_t from, std::uint32_t to) { return hops.beyond(from, to); };
    terms.latencies_s = terms.outer_rounds * hops.least() + phase.longest(beyond);
  } else if (hops.most() < terms.latency_s) {
    terms.latencies_s = terms.outer_rounds * hops.most();
  } else {
    return;
  }
  terms.outer_rounds = 0;
}

PhaseTerms terms_of(const Group& group, const TrafficPhase& phase, const Inside& inner) {
  const Fabric& fabric = group.cluster->fabric;
  std::vector<Seconds> hops;
  const RoutedPattern routed = route_pattern(fabric, *group.cluster->router, flows_of(group, phase.pairs),
                                             phase.pairs.size(), &hops);
  PhaseTerms terms;
  terms.latency_s = routed.latency.value;
  terms.switching_s = routed.switching_s;
  terms.outer_rounds = inner.any() ? phase.node_rounds : phase.rounds;
  terms.inner_rounds = inner.any() ? phase.rounds - phase.node_rounds : 0;
  terms.outer_posts = inner.any() ? phase.node_posts : phase.posts;
  terms.inner_posts = inner.any() ? phase.posts - phase.node_posts : 0;
  terms.bottleneck = routed.bottleneck;
  for (const PairTraffic& pair : phase.pairs)
    if (pair.to >= group.ranks + group.node_switches) terms.largest_share = std::max(terms.largest_share, pair.share);
  // Circuits are divided once for all rounds.
  if (phase.each.empty() || fabric.has_circuits()) {
    terms.loads.push_back(loads_over(fabric, routed, inner));
    add_latencies(terms, phase, PairLatencies(group, phase.pairs, hops, inner.any()));
    return terms;
  }
  for (const RoundTraffic& round : phase.each) {
    const RoutedPattern alone = route_pattern(fabric, *group.cluster->router, flows_of(group, round.pairs));
    terms.latencies_s += round.times * alone.latency.value;
    LevelLoads loads = loads_over(fabric, alone, inner);
    loads.times = round.times;
    terms.loads.push_back(loads);
  }
  terms.outer_rounds = terms.inner_rounds = 0;
  return terms;
}

// What all options of a group share.
struct Wiring {
  CollectiveOption blank;
  Inside inner;
};

// The links inside these nodes, the first apart.
void name_links(const std::vector<const GroupNode*>& kinds, std::string& first, std::vector<std::string>& others) {
  first = kinds.front()->domain->calibration;
  for (std::size_t i = 1; i < kinds.size(); ++i) others.push_back(kinds[i]->domain->calibration);
}

// The links between the members' nodes, whatever else their domain joins.
std::vector<std::string> outer_links(const Group& group) {
  if (!group.domain) return {""};
  const Cluster& cluster = *group.cluster;
  std::set<std::string> links;
  for (const GroupNode& node : group.nodes) {
    const std::size_t pool = cluster.type_of[group.members[node.ranks.front()].index()].index();
    if (group.domain->level > 0 && pool < cluster.pools.size() && !cluster.pools[pool].nic_link.empty())
      links.insert(cluster.pools[pool].nic_link);
  }
  if (links.empty()) return {group.domain->calibration};
  return {links.begin(), links.end()};
}

Wiring wiring_of(const Group& group) {
  Wiring wiring;
  CollectiveOption& blank = wiring.blank;
  blank.outer_is_node = group.scale_up() != nullptr;
  blank.other_outer_links = outer_links(group);
  blank.outer_link = blank.other_outer_links.front();
  blank.other_outer_links.erase(blank.other_outer_links.begin());
  wiring.inner = inside_of(group);
  // Devices that meet over PCIe have been measured as such.
  const auto own = group.over_pcie() ? std::vector<const GroupNode*>{} : node_kinds(group, 1);
  blank.start_link = blank.outer_link;
  blank.other_start_links = blank.other_outer_links;
  if (!own.empty()) {
    blank.other_start_links.clear();
    name_links(own, blank.start_link, blank.other_start_links);
  }
  blank.start_is_node = !own.empty() || blank.outer_is_node;
  if (!wiring.inner.any()) return wiring;
  name_links(wiring.inner.kinds, blank.inner_link, blank.other_inner_links);
  return wiring;
}

CollectiveOption option_over(const Group& group, const Wiring& wiring, const std::vector<TrafficPhase>& phases) {
  CollectiveOption option = wiring.blank;
  for (const TrafficPhase& phase : phases) option.phases.push_back(terms_of(group, phase, wiring.inner));
  return option;
}

// Messages between pairs of ranks have the costs of sends and receives, whatever order they come in.
std::string costs_of(std::string_view algorithm, CollectiveKind kind) {
  const bool messages = kind == CollectiveKind::all_to_all || kind == CollectiveKind::gather ||
                        kind == CollectiveKind::scatter || kind == CollectiveKind::send_receive;
  return std::string(messages ? "message" : algorithm);
}

}  // namespace

CollectiveSchedule schedule_of(const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Group& group,
                               std::span<const double> shares) {
  CollectiveSchedule schedule = algorithm.schedule(kind, group);
  if (shares.empty()) return schedule;
  schedule.uneven.reserve(schedule.chunks);
  for (std::size_t chunk = 0; chunk < schedule.chunks; ++chunk)
    schedule.uneven.push_back(shares[chunk % shares.size()]);
  drop_empty_sends(schedule, group);
  return schedule;
}

std::vector<Flow> flows_of(const Group& group, const std::vector<PairTraffic>& pairs) {
  std::vector<Flow> flows;
  flows.reserve(pairs.size());
  for (const PairTraffic& pair : pairs) {
    Flow flow;
    flow.from = group.places[pair.from];
    flow.to = group.places[pair.to];
    flow.share = pair.share;
    flow.copies = pair.copies;
    flows.push_back(flow);
  }
  return flows;
}

CollectiveOption user_option(const Group& group, const UserSchedule& user, const std::vector<TrafficPhase>& phases) {
  CollectiveOption option = option_over(group, wiring_of(group), phases);
  option.algorithm = user.name;
  option.protocol = user.protocol;
  option.costs = costs_of("ring", user.kind);
  return option;
}

std::vector<CollectiveOption> collective_options(const Group& group, CollectiveKind kind, const std::string& algorithm,
                                                 std::vector<std::vector<TrafficPhase>>* traffic,
                                                 std::span<const double> shares) {
  std::vector<CollectiveOption> options;
  const Wiring wiring = wiring_of(group);
  for (const auto& entry : collective_catalog()) {
    if (algorithm == "auto" ? !entry.value.considered(kind, group) : entry.name != algorithm) continue;
    if (!entry.value.supports(kind, group)) continue;
    std::vector<TrafficPhase> phases = shares.empty() ? traffic_of(entry.value, kind, group)
                                                      : aggregate(schedule_of(entry.value, kind, group, shares), group);
    CollectiveOption option = option_over(group, wiring, phases);
    for (TrafficPhase& phase : phases) {  // what follows from these is in the option
      phase.each = {};
      phase.longest = {};
    }
    option.entry = &entry;
    option.algorithm = entry.name;
    option.costs = costs_of(entry.name, kind);
    for (std::string_view protocol : protocols_of(entry.value)) {
      option.protocol = protocol;
      options.push_back(option);
      if (traffic) traffic->push_back(phases);
    }
  }
  return options;
}

LevelLoads level_loads(const Group& group, const RoutedPattern& routed) {
  return loads_over(group.cluster->fabric, routed, inside_of(group));
}

namespace {

struct PhasePrice {
  double software = 0, latencies = 0;  // s; without what a transfer pays for its rounds
  double reached = 0;                  // s/B of the wires at the rate reached
  double inner = 0;                    // of those inside the nodes alone
};

PhasePrice phase_price(const PhaseTerms& phase, const CollectiveCost& outer, const CollectiveCost* inner,
                       double bytes) {
  const double pieces = outer.largest > 0 ? std::ceil(bytes * phase.largest_share / outer.largest) : 0;
  PhasePrice priced;
  priced.software = (phase.outer_posts + std::max(pieces - 1, 0.0)) * outer.step.value +
                    phase.inner_posts * (inner ? inner->step.value : 0);
  priced.latencies = phase.inner_rounds * phase.inner_latency_s + phase.latencies_s;
  for (const LevelLoads& loads : phase.loads) {
    const double inside = inner ? loads.inner / inner->efficiency : 0.0;
    priced.reached += loads.times * std::max(loads.outer / outer.efficiency, inside);
    priced.inner += loads.times * inside;
  }
  return priced;
}

// Of all phases, in seconds.
struct Wires {
  double busy = 0, inner = 0;
  void add(const PhasePrice& phase, double bytes) {
    busy += bytes * phase.reached;
    inner += bytes * phase.inner;
  }
};

// Local work of a node hides while its links wait for those between nodes.
double start_of(const CollectiveCost& outer, const CollectiveCost* inner, Seconds launch, double bytes, Wires wires) {
  const double local = bytes * outer.local +
                       (inner ? std::max(bytes * inner->local - (wires.busy - wires.inner), 0.0) : 0.0);
  return launch.value + 2 * outer.pipeline * std::sqrt(outer.step.value * wires.busy) + local;
}

}  // namespace

double price_seconds(const CollectiveOption& option, const CollectiveCost& outer, const CollectiveCost* inner,
                     Seconds launch, double bytes) {
  double rounds = 0;
  Wires wires;
  for (const PhaseTerms& phase : option.phases) {
    const PhasePrice priced = phase_price(phase, outer, inner, bytes);
    rounds += priced.software + priced.latencies + phase.outer_rounds * phase.latency_s + phase.switching_s;
    wires.add(priced, bytes);
  }
  return start_of(outer, inner, launch, bytes, wires) + rounds + wires.busy;
}

namespace {

// Of nodes of several generations the slowest keeps the others waiting, whichever it is in each respect.
std::optional<CollectiveCost> worst_cost(const CollectiveCalibration& calibration, const CollectiveOption& option,
                                         bool scale_up, const std::string& link,
                                         const std::vector<std::string>& others) {
  auto worst = calibration.find(link, scale_up, option.costs, option.protocol);
  for (const std::string& other : others) {
    const auto cost = calibration.find(other, scale_up, option.costs, option.protocol);
    if (!worst || !cost) return std::nullopt;
    worst->launch = std::max(worst->launch, cost->launch);
    worst->step = std::max(worst->step, cost->step);
    worst->efficiency = std::min(worst->efficiency, cost->efficiency);
    worst->pipeline = std::max(worst->pipeline, cost->pipeline);
    worst->local = std::max(worst->local, cost->local);
    if (cost->largest > 0)
      worst->largest = worst->largest > 0 ? std::min(worst->largest, cost->largest) : cost->largest;
  }
  return worst;
}

}  // namespace

OptionPrice price(const CollectiveOption& option, const CollectiveCalibration& calibration, double bytes) {
  const auto outer = worst_cost(calibration, option, option.outer_is_node, option.outer_link, option.other_outer_links);
  const auto inner = option.inner_link.empty()
                         ? std::nullopt
                         : worst_cost(calibration, option, true, option.inner_link, option.other_inner_links);
  if (!outer || (!inner && !option.inner_link.empty())) return {};
  const CollectiveCost* inside = inner ? &*inner : nullptr;
  const auto start = worst_cost(calibration, option, option.start_is_node, option.start_link, option.other_start_links);
  const Seconds launch = start ? start->launch : outer->launch;
  OptionPrice priced;
  priced.known = true;
  priced.outer_efficiency = outer->efficiency;
  if (inside) priced.inner_efficiency = inside->efficiency;
  Wires wires;
  for (const PhaseTerms& phase : option.phases) {
    const PhasePrice one = phase_price(phase, *outer, inside, bytes);
    priced.software_s.push_back(one.software);
    priced.setup_s.push_back(one.software + one.latencies);
    priced.efficiency.push_back(one.reached > 0 ? phase.bottleneck / one.reached : 1);
    wires.add(one, bytes);
  }
  priced.start_s = start_of(*outer, inside, launch, bytes, wires);
  priced.seconds = price_seconds(option, *outer, inside, launch, bytes);
  return priced;
}

}  // namespace orrery
