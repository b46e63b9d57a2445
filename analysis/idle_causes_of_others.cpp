// What held up another stage that a device waited for.
#include <algorithm>
#include <cmath>

#include "analysis/idle_causes.hpp"

namespace orrery {
namespace {

// The pass that everybody waits for, not what goes on beside it.
bool of_the_pass(Phase phase) {
  return phase == Phase::forward || phase == Phase::backward || phase == Phase::recompute || phase == Phase::pipeline;
}

// Times of devices that do the same differ by rounding, folded or not.
double tie_within(const JobView& view) { return 1e-9 * (view.window_end_s() - view.window_start_s()); }

bool receives(Stream stream) { return stream == Stream::receive_forward || stream == Stream::receive_backward; }

}  // namespace

// Whom a wait was for, and how long a peer was what kept it up.
void IdleCauses::find_cause(Gap& gap, const Devices& waited_for, std::uint32_t device) {
  gap.cause = Cause::unknown;
  if (waited_for.empty()) return;
  const std::int32_t own = view_.devices()[device].stage;
  Devices peers, others;
  for (const std::uint32_t d : waited_for) (view_.devices()[d].stage == own ? peers : others).push_back(d);
  gap.cause = others.empty() ? Cause::slower_peer : Cause::pipeline;
  gap.awaited = longest_idle(others.empty() ? peers : others, gap.to);
  if (peers.empty()) return;
  gap.peer = longest_idle(peers, gap.to);
  gap.late = std::min(gap.to - gap.from, lateness(peers, device, gap));
}

// By how much the latest of `peers` ended the piece of work that `device` last did before the wait after the device did: its
// computing of the same place in the same iteration. All of the wait where there is no other stage to wait for, or no such
// piece.
double IdleCauses::lateness(const Devices& peers, std::uint32_t device, const Gap& gap) {
  const double all = gap.to - gap.from;
  if (!several_stages_) return all;
  const auto& own = computed_by(device);
  const auto after = std::upper_bound(own.begin(), own.end(), gap.from,
                                      [](double t, const Computed& c) { return t < c.end; });
  if (after == own.begin()) return 0;  // both begin the window
  const Computed last = *(after - 1);
  const auto first_of = [&](const std::vector<Computed>& list) {
    return std::lower_bound(list.begin(), list.end(), last.fragment,
                            [](const Computed& c, std::uint32_t fragment) { return c.fragment < fragment; });
  };
  const auto place = after - 1 - first_of(own);
  double latest = 0;
  for (const std::uint32_t peer : peers) {
    const auto& theirs = computed_by(peer);
    const auto first = first_of(theirs);
    if (theirs.end() - first <= place || (first + place)->fragment != last.fragment) return all;
    latest = std::max(latest, (first + place)->end - last.end);
  }
  return latest;
}

const std::vector<IdleCauses::Computed>& IdleCauses::computed_by(std::uint32_t device) {
  std::vector<Computed>& list = computed_[device];
  if (!list.empty()) return list;
  for (const std::uint32_t r : view_.records_of(device)) {
    const Record& record = view_.timeline().records[r];
    if (view_.operation_of(record).kind == OpKind::compute) list.push_back({record.fragment, record.end_s});
  }
  return list;
}

// What stragglers of other stages make of the rest of a wait: of the device's own, and of that of the peer that waited
// longest, where it was for peers as well.
double IdleCauses::held_up_after(const Gap& gap, std::uint32_t device) {
  if (!peers_differ_) return 0;
  const double from = gap.from + gap.late;
  if (from >= gap.to) return 0;
  const double held = gap.cause == Cause::pipeline ? held_up(device, gap.awaited, from, gap.to) : 0;
  if (!gap.peer) return held;
  const Gap* of_peer = gap_before(*gap.peer, gap.to);
  if (!of_peer || of_peer->cause != Cause::pipeline || of_peer->to <= from) return held;
  return std::max(held, held_up(*gap.peer, of_peer->awaited, std::max(from, of_peer->from), of_peer->to));
}

// Seconds that the chain to the end of the wait of `device` waited for slower peers. What the device had heard of before the
// wait delayed that too and does not count: on each stage the chain goes back to the message before it.
double IdleCauses::held_up(std::uint32_t device, std::uint32_t awaited, double from, double to) {
  const std::int32_t stage = view_.devices()[device].stage;
  double seconds = 0, time = to, heard = last_heard(device, awaited, from);
  std::size_t steps_in_no_time = 0;  // operations that take none can wait for each other in a circle
  std::uint32_t at = longest_waiting(awaited, time);
  while (steps_in_no_time < view_.devices().size()) {
    const Gap* gap = gap_before(at, time);
    if (!gap || gap->cause == Cause::unknown || gap->to <= heard) break;
    seconds += std::max(0.0, gap->from + gap->late - std::max(gap->from, heard));
    if (gap->cause == Cause::slower_peer) {
      time = gap->from;
      steps_in_no_time = 0;
      continue;
    }
    if (view_.devices()[gap->awaited].stage == stage) break;
    steps_in_no_time = gap->to < time ? 0 : steps_in_no_time + 1;
    time = gap->to;
    heard = last_heard(at, gap->awaited, heard);
    at = longest_waiting(gap->awaited, time);
  }
  return std::min(seconds, to - from);
}

// When the last message from the stage of `from` that had come by then was sent; before the window if there was none.
double IdleCauses::last_heard(std::uint32_t device, std::uint32_t from, double by) {
  const std::int32_t stage = view_.devices()[from].stage;
  const auto& received = received_by(device);
  auto at = std::upper_bound(received.begin(), received.end(), by,
                             [](double t, const Message& m) { return t < m.end; });
  while (at != received.begin())
    if ((--at)->stage == stage) return at->start;
  return view_.window_start_s() - 1;
}

const std::vector<IdleCauses::Message>& IdleCauses::received_by(std::uint32_t device) {
  std::vector<Message>& list = received_[device];
  if (!list.empty()) return list;
  for (const std::uint32_t r : view_.records_of(device)) {
    const Record& record = view_.timeline().records[r];
    const auto parts = view_.participants(record);
    if (std::none_of(parts.begin(), parts.end(),
                     [&](const Participation& p) { return p.device == device && receives(p.stream); }))
      continue;
    for (const Participation& p : parts)
      if (p.device != device) list.push_back({record.start_s, record.end_s, view_.devices()[p.device].stage});
  }
  return list;
}

// Of the device and those of its stage with which it ran its last collective of the pass, the one that waited longest for
// that.
std::uint32_t IdleCauses::longest_waiting(std::uint32_t device, double time) {
  const auto& records = view_.timeline().records;
  const auto own = view_.records_of(device);
  auto at = std::upper_bound(own.begin(), own.end(), time,
                             [&](double t, std::uint32_t r) { return t < records[r].end_s; });
  while (at != own.begin()) {
    const Record& record = records[*--at];
    const Operation& op = view_.operation_of(record);
    // Of equal devices one may stand for all that took part.
    if (op.label.collective == CollectiveKind::none || !of_the_pass(op.label.phase)) continue;
    const auto parts = view_.participants(record);
    std::uint32_t longest = device;
    double waited = -1;
    const double tie = tie_within(view_);
    for (const Participation& p : parts) {
      if (view_.devices()[p.device].stage != view_.devices()[device].stage) return device;  // a message
      const Gap* gap = last_gap(p.device, record.start_s);
      const double length = gap && gap->to == record.start_s ? gap->to - gap->from : 0;
      if (length < waited - tie) continue;
      if (length <= waited + tie && !waited_longer(p.device, longest, record.start_s)) continue;
      longest = p.device;
      waited = length;
    }
    return longest;
  }
  return device;
}

// Whether `a` waited longer than `b` for what it last waited for by then; of equal waits the later.
bool IdleCauses::waited_longer(std::uint32_t a, std::uint32_t b, double time) {
  const Gap *of_a = last_gap(a, time), *of_b = last_gap(b, time);
  if (!of_a || !of_b) return of_a != nullptr;
  const double tie = tie_within(view_), longer = (of_a->to - of_a->from) - (of_b->to - of_b->from);
  return std::abs(longer) > tie ? longer > 0 : of_a->to > of_b->to + tie;
}

// Of several stages the first.
std::uint32_t IdleCauses::longest_idle(const Devices& devices, double time) {
  std::uint32_t longest = devices.front();
  for (const std::uint32_t device : devices) {
    const std::int32_t stage = view_.devices()[device].stage, present = view_.devices()[longest].stage;
    if (stage != present ? stage < present : waited_longer(device, longest, time)) longest = device;
  }
  return longest;
}

IdleCauses::Gap* IdleCauses::last_gap(std::uint32_t device, double time) {
  std::vector<Gap>& gaps = gaps_of(device);
  const auto after = std::upper_bound(gaps.begin(), gaps.end(), time,
                                      [](double t, const Gap& gap) { return t < gap.to; });
  return after == gaps.begin() ? nullptr : &*(after - 1);
}

// The last one that ended by then.
const IdleCauses::Gap* IdleCauses::gap_before(std::uint32_t device, double time) {
  Gap* const last = last_gap(device, time);
  if (!last) return nullptr;
  Gap& gap = *last;
  if (gap.cause == Cause::not_asked) {
    find_cause(gap, awaited(waiting_record(gap.record, gap.compute, gap.to, device), device), device);
  }
  return &gap;
}

// Records come in order of their ends: from the last to the first, a gap lies before the earliest start so far.
std::vector<IdleCauses::Gap>& IdleCauses::gaps_of(std::uint32_t device) {
  std::vector<Gap>& gaps = gaps_[device];
  if (has_gaps_[device]) return gaps;
  has_gaps_[device] = true;
  const auto own = view_.records_of(device);
  double earliest = view_.window_end_s();
  std::uint32_t first = window_end, compute = window_end;
  for (auto r = own.rbegin(); r != own.rend(); ++r) {
    const Record& record = view_.timeline().records[*r];
    if (record.start_s >= view_.window_end_s()) continue;
    const auto parts = view_.participants(record);
    const bool computes = view_.operation_of(record).kind == OpKind::compute;
    const bool busy = std::any_of(parts.begin(), parts.end(), [&](const Participation& p) {
      return p.device == device && (p.on_compute_stream || !computes);
    });
    if (!busy) continue;
    if (record.end_s < earliest) gaps.push_back({record.end_s, earliest, first, compute});
    if (record.start_s <= earliest) {
      earliest = record.start_s;
      first = *r;
    }
    if (computes) compute = *r;
  }
  if (view_.window_start_s() < earliest) gaps.push_back({view_.window_start_s(), earliest, first, compute});
  std::reverse(gaps.begin(), gaps.end());
  return gaps;
}

}  // namespace orrery
