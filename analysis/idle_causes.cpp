#include "analysis/idle_causes.hpp"

#include <algorithm>
#include <tuple>

namespace orrery {
namespace {

bool share_a_queue(const Program& a, const Operation& x, const Program& b, const Operation& y, DeviceId device) {
  for (const QueueId p : a.queues_of(x))
    for (const QueueId q : b.queues_of(y))
      if (a.queues[p.index()] == b.queues[q.index()] && a.queues[p.index()].device == device) return true;
  return false;
}

}  // namespace

bool IdleCauses::others(double to, std::uint32_t record, std::uint32_t compute, std::size_t device) {
  const std::uint32_t waiting = waiting_record(record, compute, to, device);
  if (last_record_ != waiting || last_device_ != device) {
    last_ = waits_for_others(waiting, device);
    last_record_ = waiting;
    last_device_ = device;
  }
  return last_;
}

// The record that started when what the device had waited for was there: from the Compute back over its own transfers that
// started after the wait, along dependencies and queues; of several always over the one that took longest.
std::uint32_t IdleCauses::waiting_record(std::uint32_t record, std::uint32_t compute, double until,
                                         std::size_t device) {
  const auto& records = view_.timeline().records;
  if (compute == window_end || record == compute || records[record].fragment != records[compute].fragment)
    return record;
  const auto takes_part = [&](std::uint32_t r) {
    const auto parts = view_.participants(records[r]);
    return std::any_of(parts.begin(), parts.end(), [&](const Participation& p) { return p.device == device; });
  };
  const auto longer = [&](std::uint32_t a, std::uint32_t b) {
    const Label &x = view_.operation_of(records[a]).label, &y = view_.operation_of(records[b]).label;
    return std::tie(records[a].start_s, x.phase, x.collective, x.chunk, x.layer) <
           std::tie(records[b].start_s, y.phase, y.collective, y.chunk, y.layer);
  };
  std::uint32_t at = compute;
  while (true) {
    std::vector<std::uint32_t> before = ended_dependencies(at);
    if (const std::uint32_t queued = ended_in_queue(at, device); queued != no_record) before.push_back(queued);
    std::erase_if(before, [&](std::uint32_t r) {
      return r == at || records[r].start_s < until || records[r].start_s >= records[at].start_s || !takes_part(r);
    });
    if (before.empty()) break;
    at = *std::min_element(before.begin(), before.end(), longer);
  }
  return waits_for_others(at, device) ? at : record;
}

bool IdleCauses::waits_for_others(std::uint32_t record, std::size_t device) {
  if (record == window_end) return closed_by_others(view_.window_end_s(), device);
  const auto& records = view_.timeline().records;
  const std::vector<std::uint32_t> ended = ended_dependencies(record);
  const auto of_others = [&](std::uint32_t r) { return involves_others(records[r], device); };
  if (std::any_of(ended.begin(), ended.end(), of_others) || has_partner(record, device)) return true;
  const Record& waiting = records[record];
  const double began = view_.timeline().fragments[waiting.fragment].start_s;
  return waiting.start_s == began && closed_by_others(began, device);
}

bool IdleCauses::involves_others(const Record& record, std::size_t device) const {
  const auto parts = view_.participants(record);
  return std::any_of(parts.begin(), parts.end(), [&](const Participation& p) { return p.device != device; });
}

// What it depends on that ended as it started; joins stand for what they waited for.
std::vector<std::uint32_t> IdleCauses::ended_dependencies(std::uint32_t record) {
  const auto& records = view_.timeline().records;
  std::vector<std::uint32_t> open = {record}, ended, all;  // open: the operation itself, then joins
  while (!open.empty()) {
    const Record waiting = records[open.back()];
    const Program& program = view_.program_of(waiting);
    open.pop_back();
    ended.clear();
    for (const OpId id : program.dependencies_of(waiting.op.index())) ended_with(waiting, waiting.call, id, ended);
    if (waiting.call.valid())  // what its Call waited for, it waited for
      for (const OpId id : program.dependencies_of(waiting.call.index())) ended_with(waiting, OpId(), id, ended);
    for (const std::uint32_t r : ended) (view_.operation_of(records[r]).kind == OpKind::join ? open : all).push_back(r);
  }
  return all;
}

// Records of `awaited` (an operation of the body that `call` runs, one outside, or a Call itself) that ended as
// `waiting` started.
void IdleCauses::ended_with(const Record& waiting, OpId call, OpId awaited, std::vector<std::uint32_t>& ended) {
  const auto& records = view_.timeline().records;
  const auto add = [&](std::uint32_t r) {
    if (r != no_record && records[r].end_s == waiting.start_s) ended.push_back(r);
  };
  if (view_.program_of(waiting).operations[awaited.index()].kind == OpKind::call) {
    if (index_.call_end_s(waiting.fragment, awaited) == waiting.start_s)
      for (const std::uint32_t r : index_.all_called(waiting.fragment, awaited)) add(r);
  } else {
    add(call.valid() ? index_.called(waiting.fragment, call, awaited) : index_.outside(waiting.fragment, awaited));
  }
}

// Whether the queues of another device of a collective or message became free only now; of what begins a Call, of all its
// queues.
bool IdleCauses::has_partner(std::uint32_t record, std::size_t device) const {
  const auto parts = view_.participants(entering(record));
  return std::any_of(parts.begin(), parts.end(), [&](const Participation& p) {
    return p.device != device && ended_in_queue(record, p.device) != no_record;
  });
}

// The record as the queues saw it come: what begins a Call came with that.
Record IdleCauses::entering(std::uint32_t record) const {
  Record waiting = view_.timeline().records[record];
  if (waiting.call.valid() && view_.program_of(waiting).dependencies_of(waiting.op.index()).empty())
    waiting.op = waiting.call;
  return waiting;
}

// The record that freed one of its queues on `device` as it started.
std::uint32_t IdleCauses::ended_in_queue(std::uint32_t record, std::size_t device) const {
  const auto& records = view_.timeline().records;
  const Record waiting = entering(record);
  const auto theirs = view_.records_of(device);
  auto at = std::lower_bound(theirs.begin(), theirs.end(), waiting.start_s,
                             [&](std::uint32_t r, double time) { return records[r].end_s < time; });
  for (; at != theirs.end() && records[*at].end_s == waiting.start_s; ++at)
    if (*at != record &&
        share_a_queue(view_.program_of(waiting), view_.operation_of(waiting), view_.program_of(records[*at]),
                      view_.operation_of(records[*at]), view_.devices()[device].device))
      return *at;
  return no_record;
}

bool IdleCauses::closed_by_others(double time, std::size_t device) {
  const auto [entry, fresh] = closers_.try_emplace(time);
  std::vector<std::uint32_t>& devices = entry->second;
  if (fresh) {
    const auto& records = view_.timeline().records;
    auto at = std::lower_bound(records.begin(), records.end(), time,
                               [](const Record& r, double t) { return r.end_s < t; });
    for (; at != records.end() && at->end_s == time; ++at)
      if (view_.has(*at))
        for (const Participation& p : view_.participants(*at)) devices.push_back(p.device);
  }
  return std::any_of(devices.begin(), devices.end(), [&](std::uint32_t d) { return d != device; });
}

}  // namespace orrery
