#include "models/parallelism/emitter.hpp"

#include <algorithm>

#include "models/parallelism/hosts.hpp"
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
  compute(std::vector<SequenceId>(folding_.classes(), sequence), label, memory);
}

void Emitter::compute(const std::vector<SequenceId>& of_class, Label label, std::optional<MemoryDelta> memory) {
  flush();
  label.job = settings_.job;
  label.stage = static_cast<std::int16_t>(stage_);
  const MemoryEffectId effect = memory ? builder_.memory(*memory) : MemoryEffectId();
  for (int c : written_) {
    ClassState& state = state_[static_cast<std::size_t>(c)];
    const QueueSetId on = builder_.on(representative(c), Stream::compute);
    const OpId op = builder_.compute(on, of_class[static_cast<std::size_t>(c)], label, effect);
    for (OpId before : state.pending) builder_.depend(op, before);
    state.pending.clear();
    state.last = op;
    note_first(c, op);
  }
}

std::vector<DeviceId> Emitter::members(const std::vector<int>& group, bool reverse) const {
  std::vector<DeviceId> devices;
  for (int rank : group) devices.push_back(devices_[static_cast<std::size_t>(rank)]);
  if (reverse) std::reverse(devices.begin(), devices.end());
  return devices;
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
      if (wait != Wait::detached) note_first(c, first);  // a detached one needs no input of the pass
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

Emitter::OpOfClass Emitter::host_work(Stream stream, const std::vector<Seconds>& time_of_class, Label label,
                                      std::optional<MemoryDelta> memory) {
  std::vector<OneTransfer> times;
  for (const Seconds time : time_of_class) times.push_back({.pattern = no_flows(), .setup = time});
  return transfer_of_each(stream, times, label, memory);
}

Emitter::OpOfClass Emitter::pool_work(PoolWay way, double bytes, Label label, std::optional<MemoryDelta> memory) {
  std::vector<OneTransfer> moved;
  for (const int c : current()) moved.push_back({.pattern = pool_pattern(c, way), .bytes = bytes, .rounds = 1});
  const Stream stream = way == PoolWay::out ? Stream::copy : Stream::copy_back;
  return transfer_of_each(stream, moved, label, memory);
}

BytesPerSecond Emitter::host_link(int cls) const {
  const DeviceModel& device = cluster_.model_of(representative(cls));
  ORRERY_CHECK(device.host_link && device.host_link->bandwidth_per_direction, "{} offloads over no host link",
               device.name);
  return *device.host_link->bandwidth_per_direction;
}

int Emitter::devices_per_host(int cls) {
  if (on_host_.empty()) on_host_ = ranks_on_host(cluster_, devices_);
  return on_host_[static_cast<std::size_t>(folding_.members[static_cast<std::size_t>(cls)].front())];
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
