// Ports of optical circuit switches: a Transfer holds those that it needs from the moment it may use them to its end. Others
// use them too if they want the same setting. Who wants another one waits until they are idle, and whoever comes later
// waits behind it, so that nobody is passed over for ever. A port is set the first time for nothing: before a job begins.
// With schedules a port is set for what comes next as soon as its last transfer of a phase is over.
#include <algorithm>
#include <unordered_set>

#include "sim/engine_core.hpp"

namespace orrery {

void EngineCore::serve_circuits() {
  std::unordered_set<std::uint32_t> wanted;  // by those that wait and came earlier
  std::deque<std::pair<std::uint32_t, std::uint32_t>> still_waiting;
  std::vector<std::uint32_t> served;
  for (const auto& [index, generation] : waiting_) {
    const Running& r = running_[index];
    if (!r.live || r.generation != generation) continue;  // dropped
    const IndexedProgram& indexed = indexed_of(r);
    const CircuitPlan& plan = *indexed.circuits_of(indexed.operation(r.op));
    const bool behind = std::any_of(plan.settings.begin(), plan.settings.end(),
                                    [&](const PortSetting& s) { return wanted.contains(s.port.value); });
    if (!behind && circuits_free(plan)) {
      take_circuits(index);
      served.push_back(index);
      continue;
    }
    for (const PortSetting& setting : plan.settings) wanted.insert(setting.port.value);
    still_waiting.emplace_back(index, generation);
  }
  waiting_ = std::move(still_waiting);
  for (std::uint32_t index : served)
    if (running_[index].end <= now_)
      begin_transfer(index);
    else
      push(running_[index].end, EventKind::circuits_set, index, running_[index].generation);
}

bool EngineCore::circuits_free(const CircuitPlan& plan) const {
  return std::all_of(plan.settings.begin(), plan.settings.end(), [&](const PortSetting& wanted) {
    const auto known = ports_.find(wanted.port.value);
    if (known == ports_.end() || known->second.users == 0) return true;
    const Port& port = known->second;
    return !port.alone && !plan.in_turn && *port.setting == wanted;
  });
}

// Its `end` is, for the time being, when the circuits are in place.
void EngineCore::take_circuits(std::uint32_t index) {
  Running& r = running_[index];
  const IndexedProgram& indexed = indexed_of(r);
  const CircuitPlan& plan = *indexed.circuits_of(indexed.operation(r.op));
  r.has_circuits = true;
  r.end = now_;
  bool changed = false;
  for (const PortSetting& wanted : plan.settings) {
    Port& port = ports_[wanted.port.value];
    // Whoever serves its peers in turn sets its circuits as it goes (RoutedPattern::switching_s).
    if (port.setting && !plan.in_turn && !(*port.setting == wanted)) {
      port.ready = now_ + plan.reconfiguration.value;
      changed = true;
    }
    if (port.schedule && !port.begun && !plan.in_turn) first_of_[port.schedule] = &wanted;
    port.begun = true;
    port.setting = &wanted;
    port.alone = plan.in_turn;
    ++port.users;
    r.end = std::max(r.end, port.ready);
  }
  timeline_.circuit_changes += changed;
  timeline_.circuit_wait_s += r.end - r.start;
}

void EngineCore::release_circuits(std::uint32_t index) {
  const Running& r = running_[index];
  const IndexedProgram& indexed = indexed_of(r);
  for (const PortSetting& held : indexed.circuits_of(indexed.operation(r.op))->settings) {
    Port& port = ports_[held.port.value];
    --port.users;
    if (port.schedule) used_as_scheduled(port, held);
  }
}

// Two fragments with plans for one port cannot both have their way.
void EngineCore::begin_schedules(std::uint32_t fragment) {
  for (const PortSchedule& schedule : fragments_[fragment].indexed->schedules) {
    Port& port = ports_[schedule.port.value];
    ++port.scheduled_by;
    port.schedule = port.scheduled_by == 1 ? &schedule : nullptr;
    port.begun = false;
    port.left.clear();
    for (const PortSchedule::Use& use : schedule.uses) port.left.push_back(use.transfers);
    if (const auto first = first_of_.find(&schedule); first != first_of_.end()) set_ahead(port, *first->second);
  }
}

void EngineCore::end_schedules(std::uint32_t fragment) {
  for (const PortSchedule& schedule : fragments_[fragment].indexed->schedules) {
    Port& port = ports_[schedule.port.value];
    --port.scheduled_by;
    port.schedule = nullptr;
  }
}

void EngineCore::used_as_scheduled(Port& port, const PortSetting& setting) {
  const std::vector<PortSchedule::Use>& uses = port.schedule->uses;
  for (std::size_t u = 0; u < uses.size(); ++u)
    if (*uses[u].setting == setting && port.left[u] > 0) --port.left[u];
}

// What comes next is known where the present setting is used no more and one other is.
void EngineCore::set_next(Port& port) {
  if (!port.schedule || !port.setting) return;
  const std::vector<PortSchedule::Use>& uses = port.schedule->uses;
  const PortSetting* next = nullptr;
  for (std::size_t u = 0; u < uses.size(); ++u) {
    if (port.left[u] == 0) continue;
    if (next || *uses[u].setting == *port.setting) return;
    next = uses[u].setting;
  }
  if (next) set_ahead(port, *next);
}

void EngineCore::set_ahead(Port& port, const PortSetting& next) {
  if (!port.schedule || !port.setting || port.users > 0 || port.alone || *port.setting == next) return;
  port.setting = &next;
  port.ready = now_ + cluster_.fabric.link_class(cluster_.fabric.link(next.port).link_class).reconfiguration.value;
  timeline_.circuit_changes += last_set_ahead_ != now_;
  last_set_ahead_ = now_;
}

}  // namespace orrery
