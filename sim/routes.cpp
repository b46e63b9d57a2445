#include "sim/routes.hpp"

#include <algorithm>

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
  return routed;
}

Seconds time_alone(const Operation& op, const RoutedPattern& routed) {
  return Seconds(op.setup_s + op.rounds * routed.latency.value + op.moving_bytes() * routed.bottleneck);
}

}  // namespace orrery
