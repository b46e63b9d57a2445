#include "models/parallelism/job_traffic.hpp"

#include <algorithm>

#include "kernels/collectives/collective.hpp"

namespace orrery {

namespace {

std::vector<CollectiveRequest> requests_of(GroupFamily family) {
  std::vector<CollectiveRequest> requests(2);
  for (CollectiveRequest& request : requests) {
    request.kind = family == GroupFamily::next_stage ? CollectiveKind::send_receive
                   : family == GroupFamily::experts  ? CollectiveKind::all_to_all
                                                     : CollectiveKind::all_reduce;
    request.bytes = Bytes(64e6);
  }
  requests[1].bytes = Bytes(8);
  return requests;
}

// All but the world, which is one group.
constexpr GroupFamily compared_families[] = {
    GroupFamily::tensor,          GroupFamily::context,       GroupFamily::shards,        GroupFamily::replicas,
    GroupFamily::next_stage,      GroupFamily::model,         GroupFamily::embedding,     GroupFamily::experts,
    GroupFamily::gradients,       GroupFamily::expert_tensor, GroupFamily::expert_shards, GroupFamily::expert_replicas,
    GroupFamily::expert_gradients};

template <class T> void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

JobTraffic::JobTraffic(const RankGrid& grid, const Cluster& cluster, const std::vector<DeviceId>& devices) {
  for (GroupFamily family : compared_families) {
    for (const std::vector<int>& ranks : grid.groups(family)) add_group(cluster, family, ranks, devices);
  }
  sort_unique(first_);
  sort_unique(last_);
}

void JobTraffic::add_group(const Cluster& cluster, GroupFamily family, const std::vector<int>& ranks,
                           const std::vector<DeviceId>& devices) {
  TrafficGroup group{family, ranks, {}};
  std::string known;
  for (CollectiveRequest& request : requests_of(family)) {
    for (int rank : ranks) request.members.push_back(devices[static_cast<std::size_t>(rank)]);
    const bool backward = family == GroupFamily::next_stage && !group.patterns.empty();
    if (backward) std::reverse(request.members.begin(), request.members.end());
    const CollectivePlan plan = plan_collective(cluster, request);
    if (!backward && plan.algorithm == known) continue;
    known = plan.algorithm;
    for (const CollectiveStep& step : plan.steps) add_pattern(cluster, group, step.flows);
  }
  groups_.push_back(std::move(group));
}

void JobTraffic::add_pattern(const Cluster& cluster, TrafficGroup& group, const std::vector<Flow>& flows) {
  RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, flows);
  group.patterns.push_back({std::move(routed.loads), routed.latency.value});
  std::vector<Hop> hops;
  for (const Flow& flow : flows) {
    hops.clear();
    if (flow.from != flow.to) cluster.router->route(flow.from, flow.to, flow.key, hops);
    note_passages(cluster.fabric, hops);
  }
}

// Links inside a node are few and its own: whether they can limit is not asked.
void JobTraffic::note_passages(const Fabric& fabric, std::span<const Hop> hops) {
  for (const Hop& hop : hops) {
    const Link& link = fabric.link(hop.link);
    if (fabric.vertex(link.from).node == fabric.vertex(link.to).node && fabric.vertex(link.from).node != ~0u) continue;
    first_.push_back({hop.link, hops.front().link});
    last_.push_back({hop.link, hops.back().link});
  }
}

LinkUse::LinkUse(const Cluster& cluster) : cluster_(cluster), links_(cluster.fabric.links().size()) {}

void LinkUse::add(const JobTraffic& job) {
  const Fabric& fabric = cluster_.fabric;
  std::vector<bool> used(links_.size(), false);
  for (const TrafficGroup& group : job.groups())
    for (const TrafficPattern& pattern : group.patterns)
      for (const LinkLoad& load : pattern.loads) used[load.link.index()] = true;
  for (std::size_t i = 0; i < used.size(); ++i) links_[i].jobs += used[i];
  for (const auto& [link, end] : job.from_first_links()) {
    links_[link.index()].from_first += fabric.link(end).bandwidth.value;
    links_[end.index()].is_end = true;
  }
  for (const auto& [link, end] : job.to_last_links()) {
    links_[link.index()].to_last += fabric.link(end).bandwidth.value;
    links_[end.index()].is_end = true;
  }
}

bool LinkUse::can_limit(LinkId link) const {
  const Use& use = links_[link.index()];
  const double fits = cluster_.fabric.link(link).bandwidth.value * (1 + 1e-12);
  const bool passed = use.from_first > 0;  // else it lies inside a node
  return use.is_end || !passed || std::min(use.from_first, use.to_last) > fits;
}

}  // namespace orrery
