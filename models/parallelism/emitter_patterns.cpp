// The patterns of flows that the Transfers of an Emitter move by: of the groups of a bundle, which are alike, and of the
// devices of a class to and from their memory pools.
#include "models/parallelism/emitter.hpp"
#include "sim/error.hpp"

namespace orrery {

PatternId Emitter::no_flows() {
  if (!no_flows_.valid()) no_flows_ = builder_.pattern({});
  return no_flows_;
}

CollectiveRequest Emitter::request_of(GroupFamily kind, std::size_t group, CollectiveKind collective, double bytes,
                                      bool reverse) {
  CollectiveRequest request;
  request.kind = collective;
  request.members = members(family(kind).groups[group], reverse);
  request.bytes = Bytes(settings_.dispatch.bytes_sent(cluster_, request.members, kind, collective, bytes));
  request.detail = settings_.detail;
  return request;
}

const std::vector<Emitter::ResolvedStep>& Emitter::resolve(GroupFamily kind, std::size_t bundle,
                                                           CollectiveKind collective, double bytes, bool reverse) {
  auto [slot, is_new] = resolved_.try_emplace({kind, bundle, collective, bytes, reverse});
  if (!is_new) return slot->second;
  const Bundle& groups = family(kind).bundles[bundle];
  collectives_.insert({kind, groups.stage, collective, bytes, reverse});
  if (settings_.survey) {
    slot->second.push_back({no_flows(), bytes, 1, 0, Seconds(0)});
    return slot->second;
  }
  const CollectivePlan plan = planner_.plan(request_of(kind, groups.groups.front(), collective, bytes, reverse));
  const PatternKey key{kind,       bundle,
                       collective, plan.algorithm + "/" + plan.protocol,
                       reverse,    companions(kind, bundle, collective, bytes, reverse)};
  const std::vector<PatternId>& patterns = patterns_of(key, plan.algorithm, bytes);
  ORRERY_CHECK(patterns.size() == plan.steps.size(), "{} steps of a collective have {} patterns", plan.steps.size(),
               patterns.size());
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const CollectiveStep& step = plan.steps[i];
    slot->second.push_back({patterns[i], step.bytes, step.efficiency, step.rounds, step.setup});
  }
  return slot->second;
}

// The flows of all groups of a bundle, by step. The first decides on the algorithm for all: they are alike.
std::vector<PatternId> Emitter::make_patterns(const PatternKey& key, const std::string& algorithm, double bytes) {
  std::vector<std::vector<Flow>> by_step;
  std::vector<std::size_t> of_first;
  for (std::size_t g : family(key.family).bundles[key.bundle].groups) {
    CollectiveRequest request = request_of(key.family, g, key.collective, bytes, key.reverse);
    request.algorithm = algorithm;
    const CollectivePlan plan = planner_.plan(request);
    const bool first = of_first.empty();
    if (first) by_step.resize(plan.steps.size());
    ORRERY_CHECK(plan.steps.size() == by_step.size(), "groups of one bundle have {} and {} steps", by_step.size(),
                 plan.steps.size());
    for (std::size_t i = 0; i < by_step.size(); ++i) {
      by_step[i].insert(by_step[i].end(), plan.steps[i].flows.begin(), plan.steps[i].flows.end());
      if (first) of_first.push_back(by_step[i].size());
    }
  }
  std::vector<PatternId> patterns;
  for (std::size_t i = 0; i < by_step.size(); ++i) patterns.push_back(builder_.pattern(by_step[i], of_first[i]));
  return patterns;
}

const std::vector<PatternId>& Emitter::patterns_of(const PatternKey& key, const std::string& algorithm, double bytes) {
  const auto known = patterns_.find(key);
  if (known != patterns_.end()) return known->second;
  if (key.companions == 0) return patterns_[key] = make_patterns(key, algorithm, bytes);
  const std::vector<Companion>& all = companion_sets_[key.companions - 1];
  std::vector<std::vector<MovingPart>> parts;  // by step
  for (const Companion& each : all) {
    PatternKey own = key;
    own.bundle = each.bundle;
    own.algorithm = each.algorithm + "/" + each.protocol;
    const std::vector<PatternId>& patterns = patterns_[own] = make_patterns(own, each.algorithm, bytes);
    parts.resize(patterns.size());
    for (std::size_t i = 0; i < patterns.size(); ++i) parts[i].push_back({patterns[i], each.moving});
  }
  for (const std::vector<MovingPart>& of_step : parts) builder_.move_together(of_step);
  return patterns_.at(key);
}

// The groups of one family and stage do the same at the same time, and meet where they share links (several tensor ranks
// that reduce gradients over one NIC). Folded, one Transfer carries the flows of all; unfolded, or where some of them are
// not alike, each bundle has its own. Bundles whose library would choose an algorithm of more or fewer steps for these bytes are
// left out.
std::size_t Emitter::companions(GroupFamily kind, std::size_t bundle, CollectiveKind collective, double bytes,
                                bool reverse) {
  const Family& f = family(kind);
  const int stage = f.bundles[bundle].stage;
  const auto& bundles = f.by_stage[static_cast<std::size_t>(stage)];
  if (!settings_.analytic || bundles.size() < 2) return 0;
  const auto [known, is_new] = companions_of_.try_emplace({kind, stage, collective, bytes, reverse});
  if (is_new) {
    std::map<std::size_t, std::vector<Companion>> by_steps;
    for (std::size_t b : bundles) {
      const CollectivePlan plan = planner_.plan(
          request_of(kind, f.bundles[b].groups.front(), collective, bytes, reverse));
      double moving = 0;  // per byte of the buffer; to single precision, which sums of other bytes reach
      for (const CollectiveStep& step : plan.steps) moving += step.bytes / step.efficiency / bytes;
      by_steps[plan.steps.size()].push_back({b, static_cast<float>(moving), plan.algorithm, plan.protocol});
    }
    for (const auto& [steps, set] : by_steps) {
      if (set.size() < 2) continue;
      const auto at = std::find(companion_sets_.begin(), companion_sets_.end(), set);
      const auto number = static_cast<std::size_t>(at - companion_sets_.begin()) + 1;
      if (at == companion_sets_.end()) companion_sets_.push_back(set);
      for (const Companion& each : set) known->second[each.bundle] = number;
    }
  }
  const auto own = known->second.find(bundle);
  return own == known->second.end() ? 0 : own->second;
}

PatternId Emitter::pool_pattern(int cls, PoolWay way) {
  const auto known = pool_patterns_.find({cls, way});
  if (known != pool_patterns_.end()) return known->second;
  std::vector<MovingPart> parts;
  for (int c : current()) {
    std::vector<Flow> flows;  // of all members of the class: their real load
    const auto& ranks = folding_.members[static_cast<std::size_t>(c)];
    for (int rank : ranks) add_pool_flows(rank, way, flows);
    const PatternId pattern = builder_.pattern(flows, flows.size() / ranks.size());
    pool_patterns_[{c, way}] = pattern;
    parts.push_back({pattern, 1});
  }
  if (settings_.analytic && parts.size() > 1) builder_.move_together(parts);
  return pool_patterns_.at({cls, way});
}

void Emitter::add_pool_flows(int rank, PoolWay way, std::vector<Flow>& flows) const {
  const DeviceId d = devices_[static_cast<std::size_t>(rank)];
  const MemoryPool* memory = cluster_.memory_pool(d);
  ORRERY_CHECK(memory, "device {} offloads to a memory pool and has none", d.value);
  const VertexId pool = memory->place;
  const VertexId end = way == PoolWay::host_both ? cluster_.host_of[d.index()] : cluster_.fabric.vertex_of(d);
  if (way != PoolWay::back) flows.push_back({end, pool, 1, 0, 1});
  if (way != PoolWay::out) flows.push_back({pool, end, 1, 0, 1});
}

}  // namespace orrery
