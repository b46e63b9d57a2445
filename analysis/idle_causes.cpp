#include "analysis/idle_causes.hpp"

#include <algorithm>
#include <tuple>

namespace orrery {
namespace {

constexpr std::uint32_t no_record = ~std::uint32_t{0};

bool share_a_queue(const Program& a, const Operation& x, const Program& b, const Operation& y, DeviceId device) {
  for (const QueueId p : a.queues_of(x))
    for (const QueueId q : b.queues_of(y))
      if (a.queues[p.index()] == b.queues[q.index()] && a.queues[p.index()].device == device) return true;
  return false;
}

}  // namespace

IdleCauses::IdleCauses(const JobView& view)
    : view_(view),
      gaps_(view.devices().size()),
      has_gaps_(view.devices().size(), false),
      computed_(view.devices().size()),
      received_(view.devices().size()) {
  std::vector<std::int32_t> stages;
  for (const Representative& r : view.devices()) stages.push_back(r.stage);
  std::sort(stages.begin(), stages.end());
  peers_differ_ = std::adjacent_find(stages.begin(), stages.end()) != stages.end();
  several_stages_ = !stages.empty() && stages.front() != stages.back();
}

IdleCauseTimes IdleCauses::between(double from, double to, std::uint32_t record, std::uint32_t compute,
                                   std::size_t device) {
  const std::uint32_t waiting = waiting_record(record, compute, to, device);
  if (last_.record != waiting || last_.device != device) {
    Gap gap;
    gap.from = from;
    gap.to = waiting == window_end ? view_.window_end_s() : view_.timeline().records[waiting].start_s;
    find_cause(gap, awaited(waiting, device), static_cast<std::uint32_t>(device));
    if (gap.cause == Cause::unknown) return {};
    last_ = {waiting, device, gap.late + held_up_after(gap, static_cast<std::uint32_t>(device))};
  }
  const double idle = to - from, told = std::min(idle, last_.held_up);
  last_.held_up -= told;
  return {idle - told, told};
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
  return awaited(at, device).empty() ? record : at;
}

IdleCauses::Devices IdleCauses::awaited(std::uint32_t record, std::size_t device) {
  if (record == window_end) return closers(view_.window_end_s());
  const Record& waiting = view_.timeline().records[record];
  Devices waited_for;
  for (const std::uint32_t r : ended_dependencies(record)) add_devices(view_.timeline().records[r], device, waited_for);
  add_partners(record, device, waited_for);
  const bool first = waiting.start_s == view_.timeline().fragments[waiting.fragment].start_s;
  return waited_for.empty() && first ? closers(waiting.start_s) : waited_for;
}

void IdleCauses::add_devices(const Record& record, std::size_t except, Devices& devices) const {
  for (const Participation& p : view_.participants(record))
    if (p.device != except) devices.push_back(p.device);
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
  const OfFragment& all = of_fragment(waiting.fragment);
  if (view_.program_of(waiting).operations[awaited.index()].kind == OpKind::call) {
    if (awaited.index() < all.call_end.size() && all.call_end[awaited.index()] == waiting.start_s)
      for (const std::uint32_t r : all.of_call(awaited.index())) add(r);
  } else if (!call.valid()) {
    if (awaited.index() < all.outside.size()) add(all.outside[awaited.index()]);
  } else {
    const auto called = all.of_call(call.index());
    const auto at = std::lower_bound(called.begin(), called.end(), awaited.index(),
                                     [&](std::uint32_t r, std::size_t op) { return records[r].op.index() < op; });
    if (at != called.end() && records[*at].op == awaited) add(*at);
  }
}

// The other devices of a collective or message whose queues became free only now; of what begins a Call, of all its queues.
void IdleCauses::add_partners(std::uint32_t record, std::size_t device, Devices& devices) const {
  for (const Participation& p : view_.participants(entering(record)))
    if (p.device != device && ended_in_queue(record, p.device) != no_record) devices.push_back(p.device);
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

const IdleCauses::Devices& IdleCauses::closers(double time) {
  const auto [entry, fresh] = closers_.try_emplace(time);
  if (!fresh) return entry->second;
  const auto& records = view_.timeline().records;
  auto at = std::lower_bound(records.begin(), records.end(), time,
                             [](const Record& r, double t) { return r.end_s < t; });
  for (; at != records.end() && at->end_s == time; ++at)
    if (view_.has(*at)) add_devices(*at, no_record, entry->second);
  std::sort(entry->second.begin(), entry->second.end());
  entry->second.erase(std::unique(entry->second.begin(), entry->second.end()), entry->second.end());
  return entry->second;
}

const IdleCauses::OfFragment& IdleCauses::of_fragment(std::uint32_t fragment) {
  if (fragments_.empty()) index_fragments();
  return fragments_[fragment];
}

void IdleCauses::index_fragments() {
  const auto& records = view_.timeline().records;
  fragments_.resize(view_.timeline().fragments.size());
  const auto for_each = [&](auto&& visit) {
    for (std::size_t r = 0; r < records.size(); ++r)
      if (view_.has(records[r]) && records[r].end_s >= view_.window_start_s())
        visit(static_cast<std::uint32_t>(r), records[r], fragments_[records[r].fragment]);
  };
  for_each([&](std::uint32_t r, const Record& record, OfFragment& of) {
    if (of.outside.empty()) {
      const std::size_t operations = view_.program_of(record).operations.size();
      of.outside.resize(operations, no_record);
      of.call_begin.resize(operations + 1, 0);
      of.call_end.resize(operations, 0);
    }
    if (!record.call.valid()) {
      of.outside[record.op.index()] = r;
      return;
    }
    ++of.call_begin[record.call.index() + 1];
    of.call_end[record.call.index()] = record.end_s;
  });
  for (OfFragment& of : fragments_) {
    for (std::size_t c = 1; c < of.call_begin.size(); ++c) of.call_begin[c] += of.call_begin[c - 1];
    of.called.resize(of.call_begin.empty() ? 0 : of.call_begin.back());
  }
  std::vector<std::vector<std::uint32_t>> next(fragments_.size());
  for (std::size_t f = 0; f < fragments_.size(); ++f) next[f] = fragments_[f].call_begin;
  for_each([&](std::uint32_t r, const Record& record, OfFragment& of) {
    if (record.call.valid()) of.called[next[record.fragment][record.call.index()]++] = r;
  });
  const auto in_order = [&](std::uint32_t a, std::uint32_t b) { return records[a].op.index() < records[b].op.index(); };
  for (OfFragment& of : fragments_)
    for (std::size_t c = 0; c + 1 < of.call_begin.size(); ++c) {
      const auto first = of.called.begin() + of.call_begin[c], last = of.called.begin() + of.call_begin[c + 1];
      if (!std::is_sorted(first, last, in_order)) std::sort(first, last, in_order);
    }
}

}  // namespace orrery
