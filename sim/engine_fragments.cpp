// Fragments: what drivers submit, cancel and wait for.
#include <algorithm>
#include <set>

#include "sim/engine_controls.hpp"
#include "sim/error.hpp"

namespace orrery {

void EngineCore::JobControls::timer(Seconds at, std::uint64_t tag) {
  core_.timers_.push_back({job_, tag});
  ++core_.driver_timers_;
  core_.push(std::max(at.value, core_.now_), EventKind::driver_timer,
             static_cast<std::uint32_t>(core_.timers_.size() - 1), 0);
}

std::uint32_t EngineCore::queue_number(const Queue& queue) {
  const std::uint64_t key = std::uint64_t{queue.device.value} << 8 | static_cast<std::uint64_t>(queue.stream);
  const auto [entry, added] = queue_numbers_.try_emplace(key, static_cast<std::uint32_t>(queues_.size()));
  if (added) queues_.push_back({queue, {}});
  return entry->second;
}

const IndexedProgram& EngineCore::index(const std::shared_ptr<const Program>& program) {
  ORRERY_CHECK(program, "a driver submitted no program");
  const auto known = index_of_.find(program.get());
  if (known != index_of_.end()) return *known->second;

  IndexedProgram indexed = index_program(program, cluster_, board_.get());
  if (!network_) indexed.time_together(cluster_);
  for (const Queue& queue : program->queues) {
    indexed.queues.push_back(queue_number(queue));
    device_number(queue.device);
  }
  for (const Representative& r : program->devices) device_number(r.device);
  for (std::size_t set = 0; set + 1 < program->queue_set_begin.size(); ++set) {
    const auto first = static_cast<std::ptrdiff_t>(indexed.set_devices.values.size());
    auto& values = indexed.set_devices.values;
    for (std::uint32_t i = program->queue_set_begin[set]; i < program->queue_set_begin[set + 1]; ++i)
      values.push_back(device_number(program->queues[program->queue_sets[i].index()].device));
    std::sort(values.begin() + first, values.end());
    values.erase(std::unique(values.begin() + first, values.end()), values.end());
    indexed.set_devices.close_list();
  }
  programs_.push_back(std::move(indexed));
  index_of_[program.get()] = &programs_.back();
  if (network_) {
    for (std::uint32_t d = 0; d < devices_.size(); ++d)
      if (devices_[d].ahead.live) stop_ahead(d);
    network_->add(programs_.back());
    share_running_transfers();
  }
  return programs_.back();
}

// A new Program can use links that so far only one running Transfer used: its remaining bytes become a flow.
void EngineCore::share_running_transfers() {
  for (std::uint32_t i = 0; i < running_.size(); ++i) {
    Running& r = running_[i];
    if (!r.live || r.flowing) continue;
    const IndexedProgram& indexed = indexed_of(r);
    const Operation& op = indexed.operation(r.op);
    if (op.kind != OpKind::transfer || !r.under_way || op.bytes == 0 || !network_->shared(indexed, r.op)) continue;
    ++r.generation;  // its end is no longer known
    r.flowing = true;
    const RoutedPattern& routed = indexed.pattern_of(op);
    const double paid = r.since + (op.setup_s + op.rounds * routed.latency.value + routed.switching_s);
    if (now_ < paid) {
      push(paid, EventKind::latency_paid, i, r.generation);
    } else {
      const double left = r.end > paid ? std::clamp((r.end - now_) / (r.end - paid), 0.0, 1.0) : 0;
      ++timeline_.flows_simulated;
      r.done = 1;
      if (left > 0)
        network_->start(i, indexed, r.op, left * op.moving_bytes());
      else
        push(now_, EventKind::operation_ends, i, r.generation);
    }
  }
}

FragmentId EngineCore::submit(std::uint32_t job, std::shared_ptr<const Program> program,
                              std::span<const FragmentId> after) {
  const IndexedProgram& indexed = index(program);
  const auto id = static_cast<std::uint32_t>(fragments_.size());
  Fragment fragment;
  fragment.indexed = &indexed;
  for (FragmentId before : after) {
    if (!before.valid()) continue;
    ORRERY_CHECK(before.index() < id, "a fragment waits for fragment {} of {}", before.value, id);
    const Status status = fragments_[before.index()].status;
    if (status == Status::finished || status == Status::cancelled) continue;
    fragments_[before.index()].dependents.push_back(id);
    ++fragment.predecessors;
  }
  const bool free = fragment.predecessors == 0;
  fragments_.push_back(std::move(fragment));
  FragmentRecord record;
  record.job = static_cast<std::uint16_t>(job);
  record.program = std::move(program);
  record.start_s = record.end_s = now_;
  timeline_.fragments.push_back(std::move(record));
  auto& records = timeline_.records;  // growing by doubling would take twice what a large Program needs
  if (const std::size_t wanted = records.size() + indexed.program->executed_operations(); records.capacity() < wanted)
    records.reserve(std::max(wanted, records.capacity() + records.capacity() / 2));
  ++live_fragments_;
  if (free) to_activate_.push_back(id);
  return FragmentId(id);
}

void EngineCore::activate(std::uint32_t id) {
  Fragment& fragment = fragments_[id];
  if (fragment.status != Status::waiting) return;  // cancelled since
  fragment.status = Status::active;
  timeline_.fragments[id].start_s = timeline_.fragments[id].end_s = now_;
  const IndexedProgram& indexed = *fragment.indexed;
  if (indexed.unfinished == 0) {
    fragment.status = Status::finished;
    --live_fragments_;
    release_dependents(id);
    to_report_.push_back(id);
    return;
  }
  fragment.scope = new_scope(id, {}, 0, indexed.waits.size());
  begin_schedules(id);
  fragment.done.assign(indexed.waits.size(), false);
  for (const Body& body : indexed.program->bodies)  // never done, nor waited for
    std::fill(fragment.done.begin() + body.begin, fragment.done.begin() + body.end, true);
  for (std::uint32_t op : indexed.ready) ready_.push_back({fragment.scope, op});
  for (std::size_t q = 0; q < indexed.queues.size(); ++q) {
    if (indexed.queue_operations.of(q).empty()) continue;
    QueueState& queue = queues_[indexed.queues[q]];
    queue.slices.push_back({id, indexed.queue_operations.of(q)});
    if (queue.slices.size() == 1) promote(queue);
  }
}

void EngineCore::release_dependents(std::uint32_t id) {
  for (std::uint32_t dependent : fragments_[id].dependents)
    if (--fragments_[dependent].predecessors == 0) to_activate_.push_back(dependent);
  fragments_[id].dependents.clear();
}

void EngineCore::cancel(FragmentId id) {
  ORRERY_CHECK(id.index() < fragments_.size(), "fragment {} does not exist", id.value);
  Fragment& fragment = fragments_[id.index()];
  if (fragment.status == Status::finished || fragment.status == Status::cancelled) return;
  const bool was_active = fragment.status == Status::active;
  if (was_active) begin_chains_of(id.value);
  fragment.status = Status::cancelled;
  timeline_.fragments[id.index()].cancelled = true;
  timeline_.fragments[id.index()].end_s = now_;
  --live_fragments_;
  if (was_active) {
    std::set<std::uint32_t> scopes{fragment.scope};
    for (std::uint32_t i = 0; i < running_.size(); ++i) {
      if (!running_[i].live || scopes_[running_[i].scope].fragment != id.value) continue;
      scopes.insert(running_[i].scope);
      drop(i);
    }
    const auto waiting = ready_.begin() + static_cast<std::ptrdiff_t>(ready_head_);
    ready_.erase(std::remove_if(waiting, ready_.end(), [&](const Ready& r) { return scopes.count(r.scope) > 0; }),
                 ready_.end());
    free_scopes_.insert(free_scopes_.end(), scopes.begin(), scopes.end());
    leave_queues(id.value);
    end_schedules(id.value);
    fragment.done = {};
  }
  release_dependents(id.value);
}

// Ends a running operation before its time; what it did until now stays on record.
void EngineCore::drop(std::uint32_t index) {
  Running& r = running_[index];
  const IndexedProgram& indexed = indexed_of(r);
  const Operation& op = indexed.operation(r.op);
  double energy = 0;
  if (op.kind == OpKind::compute) {
    progress(r);
    energy = r.energy;
    auto& computes = devices_[r.device].computes;
    computes.erase(std::find(computes.begin(), computes.end(), index));
    mark_changed(r.device);
  } else {
    const RoutedPattern& routed = indexed.pattern_of(op);
    double left = op.moving_bytes();
    if (r.flowing && r.done > 0)
      left = network_->stop(index);
    else if (r.under_way && !r.flowing && routed.bottleneck > 0)
      left = std::min(op.moving_bytes(), (r.end - now_) / routed.bottleneck);
    energy = (op.bytes - left * op.efficiency) * routed.energy_per_byte;
    busy(r, -1);
    if (r.has_circuits) release_circuits(index);
  }
  ++timeline_.events;
  const Scope& scope = scopes_[r.scope];
  record({scope.fragment, OpId(r.op), r.start, now_, energy, scope.call});
  const bool had_circuits = r.has_circuits;
  release_running(index);
  if (had_circuits) serve_circuits();
}

void EngineCore::leave_queues(std::uint32_t id) {
  for (std::uint32_t number : fragments_[id].indexed->queues) {
    QueueState& queue = queues_[number];
    const auto slice = std::find_if(queue.slices.begin(), queue.slices.end(),
                                    [id](const Slice& s) { return s.fragment == id; });
    if (slice == queue.slices.end()) continue;
    const bool was_first = slice == queue.slices.begin();
    queue.slices.erase(slice);
    if (was_first) promote(queue);
  }
}

}  // namespace orrery
