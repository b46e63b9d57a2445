#include "models/parallelism/job_traffic.hpp"

#include <algorithm>

namespace orrery {

namespace {

template <class T> void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

JobTraffic::JobTraffic(const RankGrid& grid, const Cluster& cluster, CollectivePlanner& planner,
                       const std::vector<DeviceId>& devices, const std::set<JobCollective>& collectives,
                       CollectiveDetail detail, const TokenDispatch& dispatch) {
  std::map<std::pair<GroupFamily, int>, std::vector<const JobCollective*>> of_groups;
  for (const JobCollective& c : collectives) of_groups[{c.family, c.stage}].push_back(&c);
  for (std::size_t f = 0; f < group_family_count; ++f) {
    const auto family = static_cast<GroupFamily>(f);
    for (std::vector<int>& ranks : grid.groups(family)) {
      const auto run = of_groups.find({family, grid.stage_of(ranks.front())});
      if (run == of_groups.end()) continue;
      TrafficGroup group{family, std::move(ranks), {}, {}};
      KnownPatterns known;
      for (const JobCollective* c : run->second)
        add_collective(cluster, planner, group, devices, *c, detail, dispatch, known);
      groups_.push_back(std::move(group));
    }
  }
  add_pools(cluster, devices);
  sort_unique(first_);
  sort_unique(last_);
}

// What a rank may move to and from its memory pool: a group of its own.
void JobTraffic::add_pools(const Cluster& cluster, const std::vector<DeviceId>& devices) {
  for (std::size_t rank = 0; rank < devices.size(); ++rank) {
    const MemoryPool* memory = cluster.memory_pool(devices[rank]);
    if (!memory) continue;
    const VertexId pool = memory->place;
    TrafficGroup group{GroupFamily::tensor, {static_cast<int>(rank)}, {}, {}};
    for (VertexId end : {cluster.fabric.vertex_of(devices[rank]), cluster.host_of[devices[rank].index()]})
      for (const Flow& flow : {Flow{end, pool, 1, 0, 1}, Flow{pool, end, 1, 0, 1}}) add_pattern(cluster, group, {flow});
    groups_.push_back(std::move(group));
  }
}

void JobTraffic::add_collective(const Cluster& cluster, CollectivePlanner& planner, TrafficGroup& group,
                                const std::vector<DeviceId>& devices, const JobCollective& collective,
                                CollectiveDetail detail, const TokenDispatch& dispatch, KnownPatterns& known) {
  CollectiveRequest request;
  request.kind = collective.kind;
  request.detail = detail;
  for (int rank : group.ranks) request.members.push_back(devices[static_cast<std::size_t>(rank)]);
  request.bytes = Bytes(
      dispatch.bytes_sent(cluster, request.members, collective.family, collective.kind, collective.bytes));
  if (collective.reverse) std::reverse(request.members.begin(), request.members.end());
  const CollectivePlan plan = planner.plan(request);
  const auto [begin, fresh] = known.try_emplace(
      {collective.kind, collective.reverse, plan.algorithm + "/" + plan.protocol}, group.patterns.size());
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const CollectiveStep& step = plan.steps[i];
    if (fresh) add_pattern(cluster, group, step.flows);
    group.steps.push_back({begin->second + i, step.bytes, step.efficiency, step.setup.value, step.rounds});
  }
}

void JobTraffic::add_pattern(const Cluster& cluster, TrafficGroup& group, const std::vector<Flow>& flows) {
  RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, flows);
  group.patterns.push_back({std::move(routed.loads), routed.latency.value, routed.fair_share});
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
