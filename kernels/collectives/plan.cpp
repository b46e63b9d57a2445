// From a request to transfers: picks algorithm and protocol, then writes its traffic as flows.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/costs.hpp"
#include "sim/error.hpp"
#include "sim/routes.hpp"

namespace orrery {

namespace {

struct Costing {
  CollectiveCost outer;   // of the outermost level that the group spans
  Seconds inner_step{0};  // of one round inside a node, when the group spans several
};

struct Candidate {
  const CatalogEntry<CollectiveAlgorithm>* entry = nullptr;
  std::string protocol;
  CollectivePlan plan;
  double predicted = std::numeric_limits<double>::infinity();
};

std::vector<Flow> flows_of(const Group& group, const std::vector<PairTraffic>& pairs) {
  std::vector<Flow> flows;
  flows.reserve(pairs.size());
  for (const PairTraffic& pair : pairs) {
    Flow flow;
    flow.from = group.places[pair.from];
    flow.to = group.places[pair.to];
    flow.share = pair.share;
    flows.push_back(flow);
  }
  return flows;
}

// Path latency of one round inside a node.
Seconds inner_latency(const Group& group) {
  for (const GroupNode& node : group.nodes)
    if (node.ranks.size() > 1 && node.domain) {
      std::vector<Hop> hops;
      return group.cluster->router->route(group.places[node.ranks[0]], group.places[node.ranks[1]], 0, hops);
    }
  return Seconds(0);
}

bool crosses_nodes(const Group& group) { return !group.scale_up(); }

bool find_costs(const Group& group, std::string_view algorithm, const std::string& protocol, Costing& costing) {
  const CollectiveCalibration& calibration = collective_calibration();
  const bool outer_is_node = !crosses_nodes(group);
  const std::string link = group.domain ? group.domain->calibration : "";
  const CollectiveCost* outer = calibration.find(link, outer_is_node, algorithm, protocol);
  if (!outer) return false;
  costing.outer = *outer;
  if (!outer_is_node)
    for (const GroupNode& node : group.nodes)
      if (node.ranks.size() > 1 && node.domain)
        if (const CollectiveCost* inner = calibration.find(node.domain->calibration, true, algorithm, protocol))
          costing.inner_step = std::max(costing.inner_step, inner->step);
  return true;
}

std::vector<CollectiveStep> write_flow_detail(const Group& group, const std::vector<TrafficPhase>& phases, double bytes,
                                              const Costing& costing) {
  std::vector<CollectiveStep> steps;
  const Seconds inner = costing.inner_step + inner_latency(group);
  for (const TrafficPhase& phase : phases) {
    CollectiveStep step;
    step.flows = flows_of(group, phase.pairs);
    step.bytes = bytes;
    step.efficiency = costing.outer.efficiency;
    step.rounds = crosses_nodes(group) ? phase.node_rounds : phase.rounds;
    step.setup = costing.outer.step * static_cast<double>(step.rounds) +
                 inner * static_cast<double>(phase.rounds - step.rounds);
    steps.push_back(std::move(step));
  }
  if (!steps.empty())
    steps.front().setup += costing.outer.launch + Seconds(costing.outer.root_ns * 1e-9 * std::sqrt(bytes));
  return steps;
}

std::vector<CollectiveStep> write_step_detail(const Group& group, const Schedule& schedule, double bytes,
                                              const Costing& costing) {
  std::vector<CollectiveStep> steps;
  for (const Round& round : schedule.rounds) {
    std::vector<PairTraffic> pairs;
    for (const Send& send : round.sends) pairs.push_back({send.from, send.to, send.chunks * schedule.chunk_share});
    merge_pairs(pairs);
    CollectiveStep step;
    step.flows = flows_of(group, pairs);
    step.bytes = bytes;
    step.efficiency = costing.outer.efficiency;
    step.rounds = 1;
    step.setup = costing.outer.step;
    steps.push_back(std::move(step));
  }
  if (!steps.empty())
    steps.front().setup += costing.outer.launch + Seconds(costing.outer.root_ns * 1e-9 * std::sqrt(bytes));
  return steps;
}

double predict(const Group& group, const std::vector<CollectiveStep>& steps) {
  double total = 0;
  for (const CollectiveStep& step : steps) {
    const RoutedPattern routed = route_pattern(group.cluster->fabric, *group.cluster->router, step.flows);
    total += step.setup.value + step.rounds * routed.latency.value + step.bytes / step.efficiency * routed.bottleneck;
  }
  return total;
}

std::span<const std::string_view> protocols_of(const CollectiveAlgorithm& algorithm) {
  static constexpr std::string_view simple[] = {"simple"};
  return algorithm.protocols.empty() ? std::span<const std::string_view>(simple) : algorithm.protocols;
}

std::vector<Candidate> candidates(const CollectiveRequest& request, const Group& group) {
  const auto catalog = collective_catalog();
  std::vector<Candidate> all;
  const bool automatic = request.algorithm == "auto";
  if (!automatic && !find(catalog, request.algorithm)) {
    auto known = names(catalog);
    known.emplace_back("auto");
    throw SpecError("", "/algorithm", "a collective algorithm (see `orrery list collectives`)",
                    quote_unknown(request.algorithm, known));
  }
  for (const auto& entry : catalog) {
    if (automatic ? !entry.value.considered(request.kind, group) : entry.name != request.algorithm) continue;
    if (!entry.value.supports(request.kind, group)) continue;
    for (std::string_view protocol : protocols_of(entry.value)) {
      Candidate candidate;
      candidate.entry = &entry;
      candidate.protocol = protocol;
      all.push_back(std::move(candidate));
    }
  }
  return all;
}

}  // namespace

CollectivePlan plan_collective(const Cluster& cluster, const CollectiveRequest& request) {
  if (request.members.size() < 2) return {request.algorithm, "", "a group of one has nothing to send", {}};
  const Group group = make_group(cluster, request.members);
  const std::string kind_name(collective_names[static_cast<std::size_t>(request.kind)]);
  std::vector<Candidate> all = candidates(request, group);
  Candidate* best = nullptr;
  std::vector<TrafficPhase> phases;
  const CatalogEntry<CollectiveAlgorithm>* phases_of = nullptr;
  std::string why;
  for (Candidate& candidate : all) {
    Costing costing;
    if (!find_costs(group, candidate.entry->name, candidate.protocol, costing)) continue;
    if (phases_of != candidate.entry) {
      phases = traffic_of(candidate.entry->value, request.kind, group);
      phases_of = candidate.entry;
    }
    candidate.plan.algorithm = candidate.entry->name;
    candidate.plan.protocol = candidate.protocol;
    candidate.plan.steps = write_flow_detail(group, phases, request.bytes.value, costing);
    candidate.predicted = predict(group, candidate.plan.steps);
    why += fmt::format("{}{}/{} {:.4g} us", why.empty() ? "" : ", ", candidate.entry->name, candidate.protocol,
                       candidate.predicted * 1e6);
    if (!best || candidate.predicted < best->predicted) best = &candidate;
  }
  if (!best)
    throw SpecError("", "/algorithm",
                    "an algorithm for " + kind_name + " over this group of " + std::to_string(group.ranks),
                    "\"" + request.algorithm + "\"");
  best->plan.why = "least predicted time of " + why;
  if (request.detail == CollectiveDetail::step) {
    Costing costing;
    find_costs(group, best->entry->name, best->protocol, costing);
    best->plan.steps = write_step_detail(group, best->entry->value.schedule(request.kind, group), request.bytes.value,
                                         costing);
  }
  return std::move(best->plan);
}

}  // namespace orrery
