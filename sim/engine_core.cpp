#include "sim/engine_core.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "sim/engine_controls.hpp"
#include "sim/error.hpp"

namespace orrery {

EngineCore::EngineCore(const Cluster& cluster, const CostModel& costs, Governor& governor,
                       std::span<JobDriver* const> drivers, FlowNetwork* network)
    : cluster_(cluster), costs_(costs), governor_(governor), drivers_(drivers), network_(network) {
  ORRERY_CHECK(cluster.speed.empty() || cluster.speed.size() == cluster.type_of.size(), "{} speeds for {} devices",
               cluster.speed.size(), cluster.type_of.size());
  device_numbers_.assign(cluster.type_of.size(), DeviceId::no_value);
  if (cluster.fabric.has_circuits()) board_ = std::make_unique<CircuitBoard>(cluster.fabric);
  for (std::uint32_t job = 0; job < drivers.size(); ++job)
    controls_.push_back(std::make_unique<JobControls>(*this, job));
}

EngineCore::~EngineCore() = default;

void EngineCore::start() {
  for (std::size_t job = 0; job < drivers_.size(); ++job) drivers_[job]->start(*controls_[job]);
  drain();
  settle();
}

bool EngineCore::over() const { return live_fragments_ == 0 && driver_timers_ == 0; }

double EngineCore::next_date() const {
  return events_.empty() ? std::numeric_limits<double>::infinity() : events_.front().date;
}

void EngineCore::push(double date, EventKind kind, std::uint32_t index, std::uint32_t generation) {
  events_.push_back({date, order_++, kind, index, generation});
  std::push_heap(events_.begin(), events_.end(), std::greater<>());
}

bool EngineCore::can_go_on() const { return running_count_ > 0 || driver_timers_ > 0; }

void EngineCore::advance(double date) {
  while (next_date() <= date && !over()) {
    now_ = std::max(now_, next_date());
    while (next_date() <= now_) {
      std::pop_heap(events_.begin(), events_.end(), std::greater<>());
      const Event event = events_.back();
      events_.pop_back();
      handle(event);
      drain();
    }
    settle();
  }
}

void EngineCore::flow_arrived(std::uint32_t flow, double date) {
  now_ = std::max(now_, date);
  operation_ends(flow);
  drain();
  settle();
}

void EngineCore::handle(const Event& event) {
  switch (event.kind) {
    case EventKind::operation_ends:
    case EventKind::latency_paid:
    case EventKind::circuits_set: {
      const Running& r = running_[event.index];
      if (!r.live || r.generation != event.generation) return;
      if (event.kind == EventKind::operation_ends) return operation_ends(event.index);
      event.kind == EventKind::latency_paid ? latency_paid(event.index) : begin_transfer(event.index);
      return;
    }
    case EventKind::chain_ends: {
      const Ahead& ahead = devices_[event.index].ahead;
      if (ahead.live && ahead.generation == event.generation) chain_ends(event.index);
      return;
    }
    case EventKind::driver_timer: {
      --driver_timers_;
      ++timeline_.events;
      const Timer timer = timers_[event.index];
      orrery::Event rang;
      rang.tag = timer.tag;
      drivers_[timer.job]->on_event(rang, *controls_[timer.job]);
      return;
    }
    case EventKind::governor_wakes:
      if (devices_[event.index].wake_generation != event.generation) return;
      ++timeline_.events;
      ask_governor(event.index);
      return;
  }
}

// Everything that happens now because of what just happened, in a fixed order.
void EngineCore::drain() {
  while (true) {
    if (ready_head_ < ready_.size()) {
      start_operation(ready_[ready_head_++]);
    } else if (!to_activate_.empty()) {
      const std::uint32_t fragment = to_activate_.front();
      to_activate_.pop_front();
      activate(fragment);
    } else if (!to_report_.empty()) {
      const std::uint32_t fragment = to_report_.front();
      to_report_.pop_front();
      const std::uint16_t job = timeline_.fragments[fragment].job;
      drivers_[job]->on_finished(FragmentId(fragment), *controls_[job]);
    } else {
      break;
    }
  }
  ready_.clear();
  ready_head_ = 0;
}

void EngineCore::settle() {
  go_on_with_chains();
  // Asking can re-time operations but starts none, so no device is added while we walk.
  for (std::uint32_t device : changed_devices_) {
    devices_[device].changed = false;
    if (devices_[device].ahead.live) continue;  // what it hears is known
    const Activity activity = activity_of(devices_[device]);
    const Activity& told = devices_[device].told;
    if (activity.computing != told.computing || activity.transfers != told.transfers ||
        activity.dynamic_power != told.dynamic_power)
      ask_governor(device);
  }
  changed_devices_.clear();
}

std::uint32_t EngineCore::new_scope(std::uint32_t fragment, OpId call, std::size_t first, std::size_t last) {
  if (free_scopes_.empty()) {
    free_scopes_.push_back(static_cast<std::uint32_t>(scopes_.size()));
    scopes_.emplace_back();
  }
  const std::uint32_t index = free_scopes_.back();
  free_scopes_.pop_back();
  const IndexedProgram* indexed = fragments_[fragment].indexed;
  Scope& scope = scopes_[index];
  scope.indexed = indexed;
  scope.fragment = fragment;
  scope.first = static_cast<std::uint32_t>(first);
  scope.call = call;
  scope.chain = nullptr;
  scope.unfinished = call.valid() ? last - first : indexed->unfinished;
  const auto waits = indexed->waits.begin();
  scope.waits.assign(waits + static_cast<std::ptrdiff_t>(first), waits + static_cast<std::ptrdiff_t>(last));
  return index;
}

void EngineCore::count_down(std::uint32_t index, std::uint32_t op) {
  Scope& scope = scopes_[index];
  if (--scope.waits[op - scope.first] == 0) ready_.push_back({index, op});
}

// The first operation of a queue no longer waits for the queue.
void EngineCore::promote(QueueState& queue) {
  if (queue.slices.empty()) return;
  const Slice& first = queue.slices.front();
  count_down(fragments_[first.fragment].scope, first.operations.front());
}

std::uint32_t EngineCore::new_running(Ready started) {
  if (free_running_.empty()) {
    free_running_.push_back(static_cast<std::uint32_t>(running_.size()));
    running_.emplace_back();
  }
  const std::uint32_t index = free_running_.back();
  free_running_.pop_back();
  Running& r = running_[index];
  const std::uint32_t generation = r.generation + 1;
  r = Running();
  r.generation = generation;
  r.live = true;
  r.scope = started.scope;
  r.op = started.op;
  r.start = r.since = now_;
  ++running_count_;
  return index;
}

void EngineCore::release_running(std::uint32_t index) {
  running_[index].live = false;
  ++running_[index].generation;
  free_running_.push_back(index);
  --running_count_;
}

void EngineCore::start_operation(Ready next) {
  const Scope& scope = scopes_[next.scope];
  if (fragments_[scope.fragment].status != Status::active) return;  // cancelled since
  ++timeline_.events;
  switch (scope.indexed->operation(next.op).kind) {
    case OpKind::join:
      finish_operation(next.scope, next.op, now_, 0);
      return;
    case OpKind::compute:
      start_compute(new_running(next));
      return;
    case OpKind::transfer:
      start_transfer(new_running(next));
      return;
    case OpKind::call:
      start_call(next);
      return;
  }
}

void EngineCore::start_call(Ready next) {
  const std::uint32_t fragment = scopes_[next.scope].fragment;
  const IndexedProgram& indexed = *scopes_[next.scope].indexed;
  const BodyId id = indexed.operation(next.op).body;
  const Body& body = indexed.program->bodies[id.index()];
  const std::uint32_t scope = new_scope(fragment, OpId(next.op), body.begin, body.end);
  scopes_[scope].chain = chain_of(indexed, id);
  if (scopes_[scope].chain)
    waiting_chains_.push_back({scope, body.begin});
  else
    for (std::uint32_t op : indexed.ready_in_body.of(id.index())) ready_.push_back({scope, op});
  if (body.begin == body.end) finish_scope(scope);
}

void EngineCore::start_transfer(std::uint32_t index) {
  const Running& r = running_[index];
  const IndexedProgram& indexed = indexed_of(r);
  busy(r, +1);
  if (!indexed.circuits_of(indexed.operation(r.op))) return begin_transfer(index);
  waiting_.emplace_back(index, r.generation);
  serve_circuits();
}

void EngineCore::begin_transfer(std::uint32_t index) {
  Running& r = running_[index];
  const IndexedProgram& indexed = indexed_of(r);
  const Operation& op = indexed.operation(r.op);
  const RoutedPattern& routed = indexed.pattern_of(op);
  r.under_way = true;
  r.since = now_;
  if (network_ && network_->shared(indexed, r.op) && op.bytes > 0) {
    r.flowing = true;
    const double latency = op.setup_s + op.rounds * routed.latency.value + routed.switching_s;
    if (latency > 0)
      push(now_ + latency, EventKind::latency_paid, index, r.generation);
    else
      latency_paid(index);
    return;
  }
  r.end = now_ + time_alone(op, routed).value;
  push(r.end, EventKind::operation_ends, index, r.generation);
}

void EngineCore::latency_paid(std::uint32_t index) {
  Running& r = running_[index];
  const IndexedProgram& indexed = indexed_of(r);
  ++timeline_.flows_simulated;
  r.done = 1;  // from here on the network knows
  network_->start(index, indexed, r.op, indexed.operation(r.op).moving_bytes());
}

void EngineCore::operation_ends(std::uint32_t index) {
  Running r = running_[index];
  const IndexedProgram& indexed = indexed_of(r);
  const Operation& op = indexed.operation(r.op);
  double energy = 0;
  if (op.kind == OpKind::compute) {
    energy = r.done == 0 ? r.full.energy.value : r.energy + (1 - r.done) * r.full.energy.value;
    auto& computes = devices_[r.device].computes;
    computes.erase(std::find(computes.begin(), computes.end(), index));
    mark_changed(r.device);
  } else {
    energy = op.bytes * indexed.pattern_of(op).energy_per_byte;
    busy(r, -1);
    if (r.has_circuits) release_circuits(index);
  }
  release_running(index);
  if (r.has_circuits) {
    serve_circuits();
    for (const PortSetting& held : indexed.circuits_of(op)->settings) set_next(ports_[held.port.value]);
  }
  finish_operation(r.scope, r.op, r.start, energy);
}

void EngineCore::finish_operation(std::uint32_t index, std::uint32_t op, double start, double energy) {
  ++timeline_.events;
  const Scope& scope = scopes_[index];
  record({scope.fragment, OpId(op), start, now_, energy, scope.call});
  if (!scope.call.valid()) finish_in_queues(index, op);
  if (scope.chain && scopes_[index].unfinished > 1)
    waiting_chains_.push_back({index, op + 1});
  else
    for (std::uint32_t successor : scope.indexed->successors.of(op)) count_down(index, successor);
  if (--scopes_[index].unfinished == 0) finish_scope(index);
}

void EngineCore::record(const Record& record) {
  if (chains_.empty()) {
    timeline_.records.push_back(record);
    return;
  }
  lanes_.add(0, record);
  order_records();
}

void EngineCore::finish_in_queues(std::uint32_t index, std::uint32_t op) {
  const IndexedProgram& indexed = *scopes_[index].indexed;
  fragments_[scopes_[index].fragment].done[op] = true;
  for (QueueId q : indexed.program->queues_of(indexed.operation(op))) {
    QueueState& queue = queues_[indexed.queues[q.index()]];
    Slice& first = queue.slices.front();
    first.operations = first.operations.subspan(1);
    if (first.operations.empty()) queue.slices.pop_front();
    promote(queue);
  }
}

void EngineCore::finish_scope(std::uint32_t index) {
  const OpId call = scopes_[index].call;
  const std::uint32_t id = scopes_[index].fragment;
  const IndexedProgram& indexed = *scopes_[index].indexed;
  free_scopes_.push_back(index);
  Fragment& fragment = fragments_[id];
  if (call.valid()) {
    const std::uint32_t caller = fragment.scope;
    ++timeline_.events;
    finish_in_queues(caller, call.value);
    for (std::uint32_t successor : indexed.successors.of(call.index())) count_down(caller, successor);
    if (--scopes_[caller].unfinished == 0) finish_scope(caller);
    return;
  }
  fragment.status = Status::finished;
  end_schedules(id);
  timeline_.fragments[id].end_s = now_;
  --live_fragments_;
  fragment.done = {};
  release_dependents(id);
  to_report_.push_back(id);
}

Timeline EngineCore::take_timeline() {
  for (const FragmentRecord& fragment : timeline_.fragments)
    timeline_.end_s = std::max(timeline_.end_s, fragment.end_s);
  lanes_.move_until(std::numeric_limits<double>::infinity(), timeline_.records);
  // Appended in order of end time; equal ends go by fragment, Call and operation.
  auto& records = timeline_.records;
  for (auto first = records.begin(); first != records.end();) {
    const auto last = std::find_if(first, records.end(), [&](const Record& r) { return r.end_s != first->end_s; });
    std::sort(first, last, [](const Record& a, const Record& b) {
      const OpId x = a.call.valid() ? a.call : a.op, y = b.call.valid() ? b.call : b.op;
      return std::tie(a.fragment, x, a.op) < std::tie(b.fragment, y, b.op);
    });
    first = last;
  }
  for (Device& device : devices_) {
    integrate(device, timeline_.end_s);
    timeline_.devices.push_back({device.id, device.static_energy});
  }
  std::sort(timeline_.devices.begin(), timeline_.devices.end(),
            [](const DeviceRecord& a, const DeviceRecord& b) { return a.device < b.device; });
  return std::move(timeline_);
}

}  // namespace orrery
