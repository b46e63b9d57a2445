#include "sim/routes.hpp"

#include <algorithm>

#include "sim/circuits.hpp"
#include "sim/error.hpp"

namespace orrery {
namespace {

void merge_by_link(std::vector<LinkLoad>& loads) {
  std::stable_sort(loads.begin(), loads.end(), [](const LinkLoad& a, const LinkLoad& b) { return a.link < b.link; });
  std::size_t kept = 0;
  for (const LinkLoad& load : loads) {
    if (kept > 0 && loads[kept - 1].link == load.link)
      loads[kept - 1].weight += load.weight;
    else
      loads[kept++] = load;
  }
  loads.resize(kept);
}

struct FlowOnLink {
  LinkId link;
  double share = 0;  // of the flow
};

// Of the largest flow on the links that take longest; links that differ by rounding take as long. `loads`: by all of `flows`,
// one for each link.
double fair_share_of(const Fabric& fabric, std::span<const LinkLoad> loads, std::span<const FlowOnLink> flows) {
  const auto seconds_per_byte = [&](const LinkLoad& load) {
    return load.weight / fabric.link(load.link).bandwidth.value;
  };
  double bottleneck = 0, largest = 0;
  for (const LinkLoad& load : loads) bottleneck = std::max(bottleneck, seconds_per_byte(load));
  if (!(bottleneck > 0)) return 1;
  for (const FlowOnLink& flow : flows) {
    if (flow.share <= largest) continue;
    const auto at = std::lower_bound(loads.begin(), loads.end(), flow.link,
                                     [](const LinkLoad& load, LinkId link) { return load.link < link; });
    if (at != loads.end() && at->link == flow.link && seconds_per_byte(*at) >= bottleneck * (1 - 1e-9))
      largest = flow.share;
  }
  return largest;
}

// Two hops in a row with circuits and a switch between them are one circuit.
void note_circuits(const Fabric& fabric, std::span<const Hop> hops, double share, double weight,
                   RoutedPattern& routed) {
  for (std::size_t h = 0; h + 1 < hops.size(); ++h) {
    const Link &in = fabric.link(hops[h].link), &out = fabric.link(hops[h + 1].link);
    if (in.circuits == 0 || out.circuits == 0 || in.to != out.from) continue;
    if (fabric.vertex(in.to).kind != VertexKind::network_switch) continue;
    routed.circuits.push_back({hops[h].link, hops[h + 1].link, hops[h].share * weight, hops[h].share * share, 0});
  }
}

}  // namespace

RoutedPattern route_pattern(const Fabric& fabric, const Router& router, std::span<const Flow> flows,
                            std::size_t of_one_group, std::vector<Seconds>* latencies) {
  RoutedPattern routed;
  std::vector<Hop> hops;
  std::vector<FlowOnLink> group;  // the flows of the first group
  std::vector<LinkLoad> group_loads;
  const bool several_groups = of_one_group < flows.size();
  const std::unique_ptr<AdaptiveRouting> adaptive = router.adapt();
  for (std::size_t f = 0; f < flows.size(); ++f) {
    const Flow& flow = flows[f];
    hops.clear();
    Seconds latency{0};
    const double weight = flow.share * flow.copies;
    if (flow.from != flow.to)
      latency = adaptive ? adaptive->route(flow.from, flow.to, flow.key, weight, hops)
                         : router.route(flow.from, flow.to, flow.key, hops);
    for (const Hop& hop : hops) {
      routed.loads.push_back({hop.link, hop.share * weight});
      if (f >= of_one_group) continue;
      group.push_back({hop.link, flow.share});
      if (several_groups) group_loads.push_back(routed.loads.back());
    }
    routed.latency = std::max(routed.latency, latency);
    if (latencies) latencies->push_back(latency);
    if (fabric.has_circuits()) note_circuits(fabric, hops, flow.share, weight, routed);
  }
  merge_by_link(routed.loads);
  std::erase_if(routed.loads, [](const LinkLoad& load) { return !(load.weight > 0); });
  for (const LinkLoad& load : routed.loads) {
    const Link& link = fabric.link(load.link);
    routed.bottleneck = std::max(routed.bottleneck, load.weight / link.bandwidth.value);
    routed.energy_per_byte += load.weight * fabric.link_class(link.link_class).energy.value_or(JoulesPerByte(0)).value;
  }
  if (several_groups) merge_by_link(group_loads);
  routed.fair_share = fair_share_of(fabric, several_groups ? group_loads : routed.loads, group);
  if (!routed.circuits.empty()) divide_circuits(fabric, routed);
  return routed;
}

Seconds time_alone(const Operation& op, const RoutedPattern& routed) {
  return Seconds(op.setup_s + op.rounds * routed.latency.value + routed.switching_s +
                 op.moving_bytes() * routed.bottleneck);
}

}  // namespace orrery
