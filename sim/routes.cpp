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

RoutedPattern route_pattern(const Fabric& fabric, const Router& router, std::span<const Flow> flows) {
  RoutedPattern routed;
  std::vector<Hop> hops;
  std::vector<std::size_t> hops_begin{0};
  const std::unique_ptr<AdaptiveRouting> adaptive = router.adapt();
  for (const Flow& flow : flows) {
    const std::size_t first = hops.size();
    Seconds latency{0};
    const double weight = flow.share * flow.copies;
    if (flow.from != flow.to)
      latency = adaptive ? adaptive->route(flow.from, flow.to, flow.key, weight, hops)
                         : router.route(flow.from, flow.to, flow.key, hops);
    for (std::size_t i = first; i < hops.size(); ++i) routed.loads.push_back({hops[i].link, hops[i].share * weight});
    routed.latency = std::max(routed.latency, latency);
    hops_begin.push_back(hops.size());
    if (fabric.has_circuits()) note_circuits(fabric, std::span(hops).subspan(first), flow.share, weight, routed);
  }
  merge_by_link(routed.loads);
  std::erase_if(routed.loads, [](const LinkLoad& load) { return !(load.weight > 0); });

  LinkId busiest;
  for (const LinkLoad& load : routed.loads) {
    const Link& link = fabric.link(load.link);
    const double seconds_per_byte = load.weight / link.bandwidth.value;
    if (seconds_per_byte > routed.bottleneck) {
      routed.bottleneck = seconds_per_byte;
      busiest = load.link;
    }
    routed.energy_per_byte += load.weight * fabric.link_class(link.link_class).energy.value;
  }
  if (busiest.valid()) {
    routed.fair_share = 0;
    for (std::size_t f = 0; f < flows.size(); ++f)
      for (std::size_t i = hops_begin[f]; i < hops_begin[f + 1]; ++i)
        if (hops[i].link == busiest) routed.fair_share = std::max(routed.fair_share, flows[f].share);
  }
  if (!routed.circuits.empty()) divide_circuits(fabric, routed);
  return routed;
}

Seconds time_alone(const Operation& op, const RoutedPattern& routed) {
  return Seconds(op.setup_s + op.rounds * routed.latency.value + routed.switching_s +
                 op.moving_bytes() * routed.bottleneck);
}

}  // namespace orrery
