#include "models/parallelism/emitter.hpp"

#include <algorithm>

#include "kernels/collectives/group.hpp"
#include "sim/error.hpp"
#include "sim/routes.hpp"

namespace orrery {

Emitter::Emitter(const Cluster& cluster, CollectivePlanner& planner, std::vector<DeviceId> devices,
                 const RankGrid& grid, const Folding& folding, EmitterSettings settings)
    : cluster_(cluster),
      planner_(planner),
      devices_(std::move(devices)),
      grid_(grid),
      folding_(folding),
      settings_(settings),
      stage_classes_(static_cast<std::size_t>(grid.pipeline)),
      state_(folding.classes()) {
  for (std::size_t c = 0; c < folding.classes(); ++c) {
    const int stage = grid.stage_of(folding.members[c].front());
    stage_classes_[static_cast<std::size_t>(stage)].push_back(static_cast<int>(c));
    builder_.device({representative(static_cast<int>(c)), static_cast<double>(folding.members[c].size()), stage});
  }
}

DeviceId Emitter::representative(int cls) const {
  return devices_[static_cast<std::size_t>(folding_.members[static_cast<std::size_t>(cls)].front())];
}

void Emitter::stage(int s) {
  flush();
  stage_ = s;
  written_ = current();
}

void Emitter::wait_for(const OpOfClass& ops) {
  if (ops.empty()) return;
  flush();
  for (auto [cls, op] : ops) state_[static_cast<std::size_t>(cls)].pending.push_back(op);
}

void Emitter::capture_first() {
  flush();
  for (int c : current()) state_[static_cast<std::size_t>(c)].first = OpId();
}

OpId Emitter::first(int cls) {
  flush();
  return state_[static_cast<std::size_t>(cls)].first;
}

void Emitter::note_first(int cls, OpId op) {
  OpId& first = state_[static_cast<std::size_t>(cls)].first;
  if (!first.valid()) first = op;
}

void Emitter::compute(SequenceId sequence, Label label, std::optional<MemoryDelta> memory) {
  flush();
  label.job = settings_.job;
  label.stage = static_cast<std::int16_t>(stage_);
  const MemoryEffectId effect = memory ? builder_.memory(*memory) : MemoryEffectId();
  for (int c : written_) {
    ClassState& state = state_[static_cast<std::size_t>(c)];
    const OpId op = builder_.compute(builder_.on(representative(c), Stream::compute), sequence, label, effect);
    for (OpId before : state.pending) builder_.depend(op, before);
    state.pending.clear();
    state.last = op;
    note_first(c, op);
  }
}

double Emitter::duration_alone(const std::vector<int>& group, CollectiveKind kind, double bytes) {
  CollectiveRequest request;
  request.kind = kind;
  request.bytes = Bytes(bytes);
  request.members = members(group);
  return time_alone(cluster_, planner_.plan(request)).value;
}

std::vector<DeviceId> Emitter::members(const std::vector<int>& group, bool reverse) const {
  std::vector<DeviceId> devices;
  for (int rank : group) devices.push_back(devices_[static_cast<std::size_t>(rank)]);
  if (reverse) std::reverse(devices.begin(), devices.end());
  return devices;
}

namespace {

GroupFamily family_of(Peers peers) {
  switch (peers) {
    case Peers::context:
      return GroupFamily::context;
    case Peers::experts:
      return GroupFamily::experts;
    case Peers::expert_tensor:
      return GroupFamily::expert_tensor;
    default:
      return GroupFamily::tensor;
  }
}

Stream stream_of(Peers peers) {
  if (peers == Peers::context) return Stream::context;
  return peers == Peers::tensor ? Stream::tensor : Stream::expert;
}

}  // namespace

// Bytes that cross over those that would if every chosen expert got a copy of its own. On the slowest way (between nodes,
// if there are several) a token goes once to each place that holds a chosen expert: with n places that hold equally many,
// a place is left out with the chance that none of the k choices out of E falls on its E/n experts.
double Emitter::crossing_share(const std::vector<int>& group) const {
  if (settings_.chosen_experts == 0) return 1;
  const std::size_t nodes = make_group(cluster_, members(group)).nodes.size();
  const auto places = static_cast<double>(nodes > 1 ? nodes : group.size());
  const double all = settings_.all_experts, here = all / places;
  double missed = 1;
  for (int i = 0; i < settings_.chosen_experts; ++i) missed *= std::max(0.0, all - here - i) / (all - i);
  return places * (1 - missed) / settings_.chosen_experts;
}

// The host goes on launching while its device waits in a blocking collective of the pass.
LayerSteps Emitter::cover_host_time(LayerSteps steps) {
  if (settings_.blocking_launches) return steps;
  double host = 0, waiting = 0;
  for (const LayerStep& step : steps) {
    for (const Kernel& k : step.kernels) host += k.host_s * k.repeat;
    if (step.kind != LayerStep::Kind::collective || step.asynchronous) continue;
    const auto& groups = family(family_of(step.peers)).groups;
    if (!groups.empty()) waiting += duration_alone(groups.front(), step.collective, step.bytes);
  }
  if (host > 0)
    for (LayerStep& step : steps)
      for (Kernel& k : step.kernels) k.covered_s = waiting * k.host_s / host;
  return steps;
}

std::vector<Emitter::Step> Emitter::prepare(LayerSteps steps) {
  for (LayerStep& step : steps)
    if (step.collective == CollectiveKind::all_to_all && step.peers == Peers::experts)
      step.bytes *= crossing_share(family(GroupFamily::experts).groups.front());
  steps = cover_host_time(std::move(steps));
  std::vector<Step> prepared;
  for (const LayerStep& s : steps) {
    Step p{s.kind, s.phase, {}, s.collective, family_of(s.peers), stream_of(s.peers), s.bytes, s.asynchronous};
    if (s.kind == LayerStep::Kind::compute) p.sequence = builder_.sequence(s.kernels);
    prepared.push_back(p);
  }
  return prepared;
}

Emitter::Family& Emitter::family(GroupFamily kind) {
  auto& slot = families_[static_cast<std::size_t>(kind)];
  if (slot) return *slot;
  slot = std::make_unique<Family>();
  slot->groups = grid_.groups(kind);
  std::map<std::vector<int>, std::size_t> by_classes;
  for (std::size_t g = 0; g < slot->groups.size(); ++g) {
    std::vector<int> classes;
    for (int rank : slot->groups[g]) classes.push_back(folding_.class_of[static_cast<std::size_t>(rank)]);
    if (kind != GroupFamily::next_stage) std::sort(classes.begin(), classes.end());  // else {sender, receiver}
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
    const auto [where, is_new] = by_classes.try_emplace(classes, slot->bundles.size());
    if (is_new) slot->bundles.push_back({classes, {}, grid_.stage_of(slot->groups[g].front())});
    slot->bundles[where->second].groups.push_back(g);
  }
  slot->by_stage.resize(static_cast<std::size_t>(grid_.pipeline));
  for (std::size_t b = 0; b < slot->bundles.size(); ++b)
    slot->by_stage[static_cast<std::size_t>(slot->bundles[b].stage)].push_back(b);
  return *slot;
}

PatternId Emitter::no_flows() {
  if (!no_flows_.valid()) no_flows_ = builder_.pattern({});
  return no_flows_;
}

namespace {

void add_flows(const CollectivePlan& plan, std::vector<std::vector<Flow>>& by_step) {
  for (std::size_t i = 0; i < by_step.size(); ++i)
    by_step[i].insert(by_step[i].end(), plan.steps[i].flows.begin(), plan.steps[i].flows.end());
}

}  // namespace

const std::vector<Emitter::ResolvedStep>& Emitter::resolve(GroupFamily kind, std::size_t bundle,
                                                           CollectiveKind collective, double bytes, bool reverse) {
  auto [slot, is_new] = resolved_.try_emplace({kind, bundle, collective, bytes, reverse});
  if (!is_new) return slot->second;
  const Family& f = family(kind);
  collectives_.insert({kind, f.bundles[bundle].stage, collective, bytes, reverse});
  if (settings_.survey) {
    slot->second.push_back({no_flows(), bytes, 1, 0, Seconds(0)});
    return slot->second;
  }
  CollectiveRequest request;
  request.kind = collective;
  request.bytes = Bytes(bytes);
  request.detail = settings_.detail;
  std::vector<std::vector<Flow>> flows;
  CollectivePlan first;  // the first group decides for all: they are alike
  for (std::size_t g : f.bundles[bundle].groups) {
    request.members = members(f.groups[g], reverse);
    const CollectivePlan plan = planner_.plan(request);
    if (flows.empty()) {
      first = plan;
      request.algorithm = plan.algorithm;
      flows.resize(plan.steps.size());
      for (const CollectiveStep& step : plan.steps)
        slot->second.push_back({{}, step.bytes, step.efficiency, step.rounds, step.setup});
    }
    ORRERY_CHECK(plan.steps.size() == flows.size(), "groups of one bundle have {} and {} steps", flows.size(),
                 plan.steps.size());
    add_flows(plan, flows);
  }
  const std::string algorithm = first.algorithm + "/" + first.protocol;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    auto [pattern, fresh] = patterns_.try_emplace({kind, bundle, collective, algorithm, i, reverse});
    if (fresh) pattern->second = builder_.pattern(flows[i]);
    slot->second[i].pattern = pattern->second;
  }
  if (settings_.analytic) move_stage_together(kind, bundle, request, reverse, first, slot->second);
  return slot->second;
}

// The groups of one family and stage do the same at the same time, and meet where they share links (several tensor ranks
// that reduce gradients over one NIC). Folded, one Transfer carries the flows of all; unfolded, or where some of them are
// not alike, each has its own, which has to take as long. Groups whose library would choose another algorithm are left out.
void Emitter::move_stage_together(GroupFamily kind, std::size_t bundle, CollectiveRequest request, bool reverse,
                                  const CollectivePlan& own, std::span<const ResolvedStep> steps) {
  const Family& f = family(kind);
  const int stage = f.bundles[bundle].stage;
  const auto& bundles = f.by_stage[static_cast<std::size_t>(stage)];
  if (bundles.size() < 2) return;
  auto [slot, is_new] = together_.try_emplace({kind, stage, request.kind, own.algorithm + "/" + own.protocol, reverse});
  if (is_new) {
    request.algorithm = "auto";
    std::vector<std::vector<Flow>> flows(steps.size());
    for (std::size_t b : bundles)
      for (std::size_t g : f.bundles[b].groups) {
        request.members = members(f.groups[g], reverse);
        const CollectivePlan plan = planner_.plan(request);
        if (plan.algorithm != own.algorithm || plan.protocol != own.protocol || plan.steps.size() != steps.size())
          continue;
        add_flows(plan, flows);
      }
    for (const std::vector<Flow>& all : flows) slot->second.push_back(builder_.pattern(all));
  }
  for (std::size_t i = 0; i < steps.size(); ++i) builder_.moves_with(steps[i].pattern, slot->second[i]);
}

OpId Emitter::transfer(GroupFamily kind, std::size_t bundle, const std::vector<QueueId>& queues,
                       CollectiveKind collective, double bytes, Label label, bool reverse,
                       std::span<const OpId> after) {
  label.job = settings_.job;
  label.collective = collective;
  const QueueSetId on = builder_.queue_set(queues);
  const auto& steps = resolve(kind, bundle, collective, bytes, reverse);
  OpId last;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const OpId op = builder_.transfer(on, steps[i].pattern, steps[i].bytes, steps[i].rounds, steps[i].setup, label);
    builder_.operation(op).efficiency = steps[i].efficiency;
    if (i == 0)
      for (OpId before : after) builder_.depend(op, before);
    else
      builder_.depend(op, last);
    last = op;
  }
  return last;
}

Emitter::OpOfClass Emitter::collective(GroupFamily kind, Stream stream, CollectiveKind collective, double bytes,
                                       Label label, Wait wait) {
  OpOfClass ops;
  const bool spans_stages = kind == GroupFamily::embedding || kind == GroupFamily::model || kind == GroupFamily::world;
  if (bytes <= 0) return ops;
  label.stage = spans_stages ? std::int16_t{-1} : static_cast<std::int16_t>(stage_);
  flush();
  const Family& f = family(kind);
  std::vector<std::size_t> all;
  if (spans_stages)
    for (std::size_t b = 0; b < f.bundles.size(); ++b) all.push_back(b);
  for (std::size_t b : spans_stages ? all : f.by_stage[static_cast<std::size_t>(stage_)]) {
    if (!spans_stages && !writes(f.bundles[b].classes.front())) continue;
    std::vector<QueueId> queues;
    std::vector<OpId> after;
    for (int c : f.bundles[b].classes) {
      queues.push_back(builder_.queue(representative(c), stream));
      const ClassState& state = state_[static_cast<std::size_t>(c)];
      after.push_back(state.last);
      after.insert(after.end(), state.pending.begin(), state.pending.end());
    }
    const OpId first(builder_.size());
    const OpId op = transfer(kind, b, queues, collective, bytes, label, false, after);
    for (int c : f.bundles[b].classes) {
      ClassState& state = state_[static_cast<std::size_t>(c)];
      if (wait == Wait::next) state.pending.push_back(op);
      if (wait == Wait::asynchronous) state.asynchronous.push_back(op);
      note_first(c, first);
      ops[c] = op;
    }
  }
  return ops;
}

Emitter::OpOfClass Emitter::send(bool forward, double bytes, Label label, bool blocking) {
  OpOfClass arrivals;
  flush();
  label.phase = Phase::pipeline;
  label.stage = static_cast<std::int16_t>(stage_);
  const Family& f = family(GroupFamily::next_stage);
  // Bundles lie with the stage that sends forward; backward, the stage after it sends.
  const int from = forward ? stage_ : (stage_ + grid_.pipeline - 1) % grid_.pipeline;
  for (std::size_t b : f.by_stage[static_cast<std::size_t>(from)]) {
    const int sender = forward ? f.bundles[b].classes.front() : f.bundles[b].classes.back();
    const int receiver = forward ? f.bundles[b].classes.back() : f.bundles[b].classes.front();
    const std::vector<QueueId> queues = {
        builder_.queue(representative(sender), forward ? Stream::send_forward : Stream::send_backward),
        builder_.queue(representative(receiver), forward ? Stream::receive_forward : Stream::receive_backward)};
    ClassState& state = state_[static_cast<std::size_t>(sender)];
    std::vector<OpId> after = {state.last};
    after.insert(after.end(), state.pending.begin(), state.pending.end());
    const OpId op = transfer(GroupFamily::next_stage, b, queues, CollectiveKind::send_receive, bytes, label, !forward,
                             after);
    if (blocking) state.pending.push_back(op);
    arrivals[receiver] = op;
  }
  return arrivals;
}

// On `stream` of each class of the stage, after what the class has computed so far.
Emitter::OpOfClass Emitter::transfer_of_each(Stream stream, const std::vector<OneTransfer>& of_class, Label label,
                                             std::optional<MemoryDelta> memory) {
  OpOfClass ops;
  flush();
  label.job = settings_.job;
  label.stage = static_cast<std::int16_t>(stage_);
  const MemoryEffectId effect = memory ? builder_.memory(*memory) : MemoryEffectId();
  for (std::size_t i = 0; i < current().size(); ++i) {
    const int c = current()[i];
    const OneTransfer& t = of_class[i];
    const OpId op = builder_.transfer(builder_.on(representative(c), stream), t.pattern, t.bytes, t.rounds, t.setup,
                                      label, effect);
    const ClassState& state = state_[static_cast<std::size_t>(c)];
    builder_.depend(op, state.last);
    for (OpId before : state.pending) builder_.depend(op, before);
    ops[c] = op;
  }
  return ops;
}

Emitter::OpOfClass Emitter::host_work(const std::vector<Seconds>& time_of_class, Label label,
                                      std::optional<MemoryDelta> memory) {
  std::vector<OneTransfer> times;
  for (const Seconds time : time_of_class) times.push_back({.pattern = no_flows(), .setup = time});
  return transfer_of_each(Stream::copy, times, label, memory);
}

// The flows of all members of the class: their real load.
PatternId Emitter::pool_pattern(int cls, PoolWay way) {
  const auto [known, fresh] = pool_patterns_.try_emplace({cls, way});
  if (!fresh) return known->second;
  std::vector<Flow> flows;
  add_pool_flows(cls, way, flows);
  known->second = builder_.pattern(flows);
  if (!settings_.analytic || current().size() < 2) return known->second;
  const auto [together, is_new] = pools_together_.try_emplace({stage_, way});
  if (is_new) {
    flows.clear();
    for (int c : current()) add_pool_flows(c, way, flows);
    together->second = builder_.pattern(flows);
  }
  builder_.moves_with(known->second, together->second);
  return known->second;
}

void Emitter::add_pool_flows(int cls, PoolWay way, std::vector<Flow>& flows) const {
  for (int rank : folding_.members[static_cast<std::size_t>(cls)]) {
    const DeviceId d = devices_[static_cast<std::size_t>(rank)];
    const MemoryPool* memory = cluster_.memory_pool(d);
    ORRERY_CHECK(memory, "device {} offloads to a memory pool and has none", d.value);
    const VertexId pool = memory->place;
    const VertexId end = way == PoolWay::host_both ? cluster_.host_of[d.index()] : cluster_.fabric.vertex_of(d);
    if (way != PoolWay::back) flows.push_back({end, pool, 1, 0, 1});
    if (way != PoolWay::out) flows.push_back({pool, end, 1, 0, 1});
  }
}

Emitter::OpOfClass Emitter::pool_work(PoolWay way, double bytes, Label label, std::optional<MemoryDelta> memory) {
  std::vector<OneTransfer> moved;
  for (const int c : current()) moved.push_back({.pattern = pool_pattern(c, way), .bytes = bytes, .rounds = 1});
  const Stream stream = way == PoolWay::host_both ? Stream::data : Stream::copy;  // beside what the host link carries
  return transfer_of_each(stream, moved, label, memory);
}

BytesPerSecond Emitter::host_link(int cls) const {
  const DeviceModel& device = cluster_.model_of(representative(cls));
  ORRERY_CHECK(device.host_link && device.host_link->bandwidth_per_direction, "{} offloads over no host link",
               device.name);
  return *device.host_link->bandwidth_per_direction;
}

double Emitter::devices_per_host(int cls) const {
  const DeviceId device = representative(cls);
  for (const Pool& pool : cluster_.pools)
    if (device.index() >= pool.first_device && device.index() < pool.first_device + pool.devices)
      return static_cast<double>(pool.devices_per_node);
  return 1;
}

void Emitter::wait_for_asynchronous() {
  flush();
  for (int c : written_) {
    ClassState& state = state_[static_cast<std::size_t>(c)];
    state.pending.insert(state.pending.end(), state.asynchronous.begin(), state.asynchronous.end());
    state.asynchronous.clear();
  }
}

}  // namespace orrery
