#include "analysis/idle_causes.hpp"

#include <algorithm>

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

IdleCause IdleCauses::before(std::uint32_t record, std::size_t device) {
  const Record& waiting = view_.timeline().records[record];
  Stages waited_for;
  add_dependencies(record, device, waited_for);
  add_partners(record, device, waited_for);
  if (!waited_for.empty()) return judge(waited_for, device);
  const bool first = waiting.start_s == view_.timeline().fragments[waiting.fragment].start_s;
  return first ? judge(closers(waiting.start_s), device) : IdleCause::unknown;
}

IdleCause IdleCauses::before_end(std::size_t device) { return judge(closers(view_.window_end_s()), device); }

IdleCause IdleCauses::judge(const Stages& waited_for, std::size_t device) const {
  if (waited_for.empty()) return IdleCause::unknown;
  const std::int32_t own = view_.devices()[device].stage;
  const bool within = std::find(waited_for.begin(), waited_for.end(), own) != waited_for.end();
  return within ? IdleCause::slower_peer : IdleCause::pipeline;
}

void IdleCauses::add_devices(const Record& record, std::size_t except, Stages& stages) const {
  for (const Participation& p : view_.participants(record))
    if (p.device != except) stages.push_back(view_.devices()[p.device].stage);
}

void IdleCauses::add_dependencies(std::uint32_t record, std::size_t device, Stages& stages) {
  const auto& records = view_.timeline().records;
  std::vector<std::uint32_t> open = {record}, ended;  // the operation itself, then the joins that it waited for
  while (!open.empty()) {
    const Record waiting = records[open.back()];
    const Program& program = view_.program_of(waiting);
    open.pop_back();
    ended.clear();
    for (const OpId id : program.dependencies_of(waiting.op.index())) ended_with(waiting, waiting.call, id, ended);
    if (waiting.call.valid())  // what its Call waited for, it waited for
      for (const OpId id : program.dependencies_of(waiting.call.index())) ended_with(waiting, OpId(), id, ended);
    for (const std::uint32_t r : ended)
      if (view_.operation_of(records[r]).kind == OpKind::join)
        open.push_back(r);
      else
        add_devices(records[r], device, stages);
  }
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
    if (awaited.index() < all.of_call.size())
      for (const std::uint32_t r : all.of_call[awaited.index()]) add(r);
  } else if (!call.valid()) {
    if (awaited.index() < all.outside.size()) add(all.outside[awaited.index()]);
  } else if (call.index() < all.of_call.size()) {
    const auto& called = all.of_call[call.index()];
    const auto at = std::lower_bound(called.begin(), called.end(), awaited.index(),
                                     [&](std::uint32_t r, std::size_t op) { return records[r].op.index() < op; });
    if (at != called.end() && records[*at].op == awaited) add(*at);
  }
}

// The other devices of a collective or message whose queues became free only now.
void IdleCauses::add_partners(std::uint32_t record, std::size_t device, Stages& stages) const {
  const auto& records = view_.timeline().records;
  const Record& waiting = records[record];
  for (const Participation& p : view_.participants(waiting)) {
    if (p.device == device) continue;
    const auto theirs = view_.records_of(p.device);
    auto at = std::lower_bound(theirs.begin(), theirs.end(), waiting.start_s,
                               [&](std::uint32_t r, double time) { return records[r].end_s < time; });
    for (; at != theirs.end() && records[*at].end_s == waiting.start_s; ++at)
      if (*at != record &&
          share_a_queue(view_.program_of(waiting), view_.operation_of(waiting), view_.program_of(records[*at]),
                        view_.operation_of(records[*at]), view_.devices()[p.device].device)) {
        stages.push_back(view_.devices()[p.device].stage);
        break;
      }
  }
}

const IdleCauses::Stages& IdleCauses::closers(double time) {
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
  const auto& records = view_.timeline().records;
  if (fragments_.empty()) {
    fragments_.resize(view_.timeline().fragments.size());
    for (std::size_t r = 0; r < records.size(); ++r) {
      if (!view_.has(records[r]) || records[r].end_s < view_.window_start_s()) continue;
      OfFragment& of = fragments_[records[r].fragment];
      const std::size_t operations = view_.program_of(records[r]).operations.size();
      of.outside.resize(operations, no_record);
      if (!records[r].call.valid()) {
        of.outside[records[r].op.index()] = static_cast<std::uint32_t>(r);
        continue;
      }
      of.of_call.resize(operations);
      of.of_call[records[r].call.index()].push_back(static_cast<std::uint32_t>(r));
    }
    for (OfFragment& of : fragments_)
      for (auto& called : of.of_call)
        std::sort(called.begin(), called.end(),
                  [&](std::uint32_t a, std::uint32_t b) { return records[a].op.index() < records[b].op.index(); });
  }
  return fragments_[fragment];
}

}  // namespace orrery
