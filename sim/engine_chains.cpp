// Bodies whose operations follow one another on one device, as the pass of a pipeline stage does, run ahead of the events:
// as long as nothing else begins or ends on that device, all that happens is known when they begin. The sums are those
// of event by event, so nothing differs but the time it takes. Whatever else happens on the device stops the running
// ahead: what has ended by then is recorded, what is under way becomes an ordinary running operation, and what is left
// runs ahead anew when that has ended. The last operation of a body always runs by events, and with it what follows.
#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/activity_governor.hpp"
#include "sim/engine_core.hpp"

namespace orrery {

namespace {

constexpr std::size_t least_ahead = 2;            // operations; fewer cost less by events
constexpr std::size_t least_in_lanes = 1u << 15;  // records

}  // namespace

EngineCore::Chain* EngineCore::chain_of(const IndexedProgram& indexed, BodyId id) {
  if (!dynamic_cast<const ActivityGovernor*>(&governor_) || board_) return nullptr;
  const auto [at, fresh] = chains_.try_emplace({indexed.program.get(), id.value});
  Chain& chain = at->second;
  if (fresh) find_chain(indexed, indexed.program->bodies[id.index()], chain);
  return chain.length > least_ahead && chain_is_alone(indexed, chain) ? &chain : nullptr;
}

void EngineCore::find_chain(const IndexedProgram& indexed, const Body& body, Chain& chain) const {
  for (std::uint32_t op = body.begin; op < body.end; ++op) {
    const Operation& operation = indexed.operation(op);
    const auto devices = indexed.devices_of(operation);
    const auto dependencies = indexed.program->dependencies_of(op);
    // Whatever else it waits for comes before the last one, and so has ended too.
    const bool follows = op == body.begin ? dependencies.empty()
                                          : !dependencies.empty() && dependencies.back().index() + 1 == op;
    const bool works = operation.kind == OpKind::compute || operation.kind == OpKind::transfer;
    if (!follows || !works || devices.size() != 1) return;
    if (op == body.begin) chain.device = devices[0];
    if (devices[0] != chain.device) return;
  }
  chain.begin = body.begin;
  chain.length = body.end - body.begin;
}

// A Transfer that can meet others is the network's.
bool EngineCore::chain_is_alone(const IndexedProgram& indexed, Chain& chain) const {
  if (!network_ || chain.programs_known == programs_.size()) return chain.alone;
  chain.programs_known = programs_.size();
  chain.alone = true;
  for (std::uint32_t op = chain.begin; op < chain.begin + chain.length; ++op) {
    const Operation& operation = indexed.operation(op);
    chain.alone &= operation.kind != OpKind::transfer || operation.bytes == 0 || !network_->shared(indexed, op);
  }
  return chain.alone;
}

OperatingPoint EngineCore::point_when(const Device& device, bool computing, int transfers) {
  Activity activity;
  activity.computing = computing;
  activity.transfers = transfers;
  OperatingPoint point = governor_.set(device.id, activity, Seconds(now_)).point;
  if (!cluster_.speed.empty()) point.clock *= cluster_.speed[device.id.index()];
  return point;
}

const EngineCore::Chain::Costs& EngineCore::chain_costs(const IndexedProgram& indexed, Chain& chain,
                                                        const OperatingPoint& point) {
  for (const Chain::Costs& known : chain.costs)
    if (known.point == point) return known;
  Chain::Costs& costs = chain.costs.emplace_back();
  costs.point = point;
  const DeviceTypeId type = cluster_.type_of[devices_[chain.device].id.index()];
  for (std::uint32_t op = chain.begin; op < chain.begin + chain.length; ++op) {
    const Operation& operation = indexed.operation(op);
    if (operation.kind == OpKind::compute) {
      const Cost cost = costs_.cost(*indexed.program, operation.sequence, type, point);
      // One that takes no time never hears of its operating point; one that takes for ever waits for another.
      costs.usable &= cost.time.value > 0 && std::isfinite(cost.time.value);
      costs.steps.push_back({cost.time.value, cost.energy.value, true});
    } else {
      const RoutedPattern& routed = indexed.pattern_of(operation);
      costs.steps.push_back({time_alone(operation, routed).value, operation.bytes * routed.energy_per_byte, false});
    }
  }
  return costs;
}

// Chains that could go on at this instant, now that all else has happened.
void EngineCore::go_on_with_chains() {
  while (!waiting_chains_.empty()) {
    for (const Ready next : std::exchange(waiting_chains_, {}))
      if (!run_ahead(next)) ready_.push_back(next);
    drain();
  }
}

bool EngineCore::run_ahead(Ready next) {
  const Scope& scope = scopes_[next.scope];
  if (fragments_[scope.fragment].status != Status::active) return true;  // cancelled since
  Chain& chain = *scope.chain;
  Device& device = devices_[chain.device];
  const std::uint32_t last = chain.begin + chain.length - 1;
  if (next.op + least_ahead > last || device.ahead.live || !device.computes.empty()) return false;
  if (!chain_is_alone(*scope.indexed, chain)) return false;
  Ahead& ahead = device.ahead;
  ahead.costs = &chain_costs(*scope.indexed, chain, point_when(device, true, device.transfers));
  if (!ahead.costs->usable) return false;
  ahead.sending = point_when(device, false, device.transfers + 1);
  ahead.scope = next.scope;
  ahead.op = next.op;
  ahead.start = now_;
  ahead.ends.clear();
  double time = now_;
  for (std::uint32_t op = next.op; op < last; ++op)
    ahead.ends.push_back(time += ahead.costs->steps[op - chain.begin].seconds);
  ahead.live = true;
  ++ahead.generation;
  ++running_count_;
  push(time, EventKind::chain_ends, chain.device, ahead.generation);
  return true;
}

// Records what has ended, and leaves the device at the operating point that it had then.
void EngineCore::record_ahead(std::uint32_t number, std::size_t count) {
  Device& device = devices_[number];
  const Ahead& ahead = device.ahead;
  Scope& scope = scopes_[ahead.scope];
  const Chain::Step* step = ahead.costs->steps.data() + (ahead.op - scope.chain->begin);
  const bool slows = !(ahead.sending == ahead.costs->point);
  double start = ahead.start;
  for (std::size_t i = 0; i < count; ++i, ++step) {
    lanes_.add(1 + number, {scope.fragment, OpId(ahead.op + i), start, ahead.ends[i], step->joules, scope.call});
    start = ahead.ends[i];
    if (step->computes && (i == 0 || slows) && !(device.point == ahead.costs->point)) ++timeline_.events;  // re-timed
    if (i == 0 || slows) device.point = step->computes ? ahead.costs->point : ahead.sending;
  }
  timeline_.events += 2 * count;
  scope.unfinished -= count;
  order_records();
}

// Keeps few records out of order: moves on what none can come before any more.
void EngineCore::order_records() {
  if (lanes_.size() < most_in_lanes_) return;
  double horizon = now_;
  for (const Device& device : devices_)
    if (device.ahead.live) horizon = std::min(horizon, device.ahead.ends.front());
  lanes_.move_until(horizon, timeline_.records);
  most_in_lanes_ = std::max(least_in_lanes, 2 * lanes_.size());
}

void EngineCore::chain_ends(std::uint32_t number) {
  Device& device = devices_[number];
  device.ahead.live = false;
  --running_count_;
  record_ahead(number, device.ahead.ends.size());
  const Scope& scope = scopes_[device.ahead.scope];
  ready_.push_back({device.ahead.scope, static_cast<std::uint32_t>(scope.chain->begin + scope.chain->length - 1)});
  forget_activity(number);
}

// Something else begins or ends on the device.
void EngineCore::stop_ahead(std::uint32_t number) {
  Device& device = devices_[number];
  Ahead& ahead = device.ahead;
  ahead.live = false;
  ++ahead.generation;
  --running_count_;
  const auto count = static_cast<std::size_t>(std::upper_bound(ahead.ends.begin(), ahead.ends.end(), now_) -
                                              ahead.ends.begin());
  record_ahead(number, count);
  const Ready next{ahead.scope, static_cast<std::uint32_t>(ahead.op + count)};
  const double start = count > 0 ? ahead.ends[count - 1] : ahead.start;
  if (count == ahead.ends.size())
    ready_.push_back(next);
  else if (start == now_)
    waiting_chains_.push_back(next);
  else
    run_by_events(number, next, start, ahead.ends[count]);
  forget_activity(number);
}

// What is under way becomes an ordinary operation, as if it had been one from its start.
void EngineCore::run_by_events(std::uint32_t number, Ready next, double start, double end) {
  Device& device = devices_[number];
  const Ahead& ahead = device.ahead;
  const Chain::Step& step = ahead.costs->steps[next.op - scopes_[next.scope].chain->begin];
  const std::uint32_t index = new_running(next);
  Running& r = running_[index];
  r.start = r.since = start;
  r.end = end;
  ++timeline_.events;
  if (step.computes) {
    r.device = number;
    r.full = {Seconds(step.seconds), Joules(step.joules)};
    device.computes.push_back(index);
    if (!(device.point == ahead.costs->point)) ++timeline_.events;
    device.point = ahead.costs->point;
  } else {
    r.under_way = true;
    ++device.transfers;
    device.point = ahead.sending;
  }
  push(end, EventKind::operation_ends, index, r.generation);
}

// What of a fragment runs ahead, or was to, goes on by events.
void EngineCore::begin_chains_of(std::uint32_t fragment) {
  for (std::uint32_t d = 0; d < devices_.size(); ++d)
    if (devices_[d].ahead.live && scopes_[devices_[d].ahead.scope].fragment == fragment) stop_ahead(d);
  const auto its = std::stable_partition(waiting_chains_.begin(), waiting_chains_.end(),
                                         [&](const Ready& next) { return scopes_[next.scope].fragment != fragment; });
  const std::vector<Ready> begun(its, waiting_chains_.end());
  waiting_chains_.erase(its, waiting_chains_.end());
  for (const Ready next : begun) start_operation(next);
}

// The governor is to be asked whatever it was told last.
void EngineCore::forget_activity(std::uint32_t number) {
  devices_[number].told.transfers = -1;
  mark_changed(number);
}

}  // namespace orrery
