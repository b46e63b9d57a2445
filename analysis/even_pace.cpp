#include "analysis/even_pace.hpp"

#include <algorithm>
#include <limits>

#include "analysis/even_pace_lengths.hpp"

namespace orrery {
namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

// The end of something: as recorded, and in the replay. Of several the last.
struct Ends {
  double recorded = never, even = never;
  void add(const Ends& other) {
    recorded = std::max(recorded, other.recorded);
    even = std::max(even, other.even);
  }
};

class Replay {
 public:
  Replay(const JobView& view, RecordIndex& index, const std::vector<double>& lengths)
      : view_(view),
        index_(index),
        lengths_(lengths),
        tie_(1e-9 * (view.window_end_s() - view.window_start_s())),
        starts_(lengths.size()),
        ends_(lengths.size()),
        fragments_(view.timeline().fragments.size()) {
    for (const FragmentRecord& fragment : view.timeline().fragments)
      if (fragment.program)
        for (const Queue& queue : fragment.program->queues)
          if (place_of(queue) >= queues_.size()) queues_.resize(place_of(queue) + 1);
  }

  void run() {
    const auto& records = view_.timeline().records;
    for (std::uint32_t r = 0; r < records.size(); ++r)
      if (view_.has(records[r]) && records[r].start_s < view_.window_end_s()) play(r);
  }

  double start_s(std::size_t r) const { return starts_[r]; }
  double end_s(std::size_t r) const { return ends_[r].even; }
  double window_end_s() const {
    Ends all;
    for (const Ends& end : ends_)
      if (end.recorded <= view_.window_end_s()) all.add(end);
    return all.even + (view_.window_end_s() - all.recorded);
  }

 private:
  struct OfFragment {
    Ends start, end;
    bool started = false;
    std::vector<Ends> call_start, call_end;  // by operation
    std::vector<std::uint32_t> played;       // by Call: how many of its records
  };

  static std::size_t place_of(const Queue& queue) {
    return queue.device.index() * stream_count + static_cast<std::size_t>(queue.stream);
  }

  void play(std::uint32_t r) {
    if (ends_[r].recorded != never) return;
    const Record& record = view_.timeline().records[r];
    ends_[r] = {record.end_s, record.end_s};
    starts_[r] = record.start_s;
    if (record.start_s < view_.window_start_s()) return;
    const auto queues = view_.program_of(record).queues_of(view_.operation_of(record));
    OfFragment& fragment = started(record.fragment);
    Ends before = fragment.start;
    if (record.call.valid()) before.add(call_start(record));
    wait_for_dependencies(record, record.call, record.op, before);
    wait_for_queues(record, queues, before);
    starts_[r] = before.even + (record.start_s - before.recorded);
    ends_[r].even = starts_[r] + lengths_[r];
    release(record, queues, ends_[r]);
    fragment.end.add(ends_[r]);
    if (record.call.valid()) end_in_call(record, ends_[r]);
  }

  // What ended after `record` started it did not wait for.
  void wait_for(const Record& record, const Ends& end, Ends& before) const {
    if (end.recorded <= record.start_s + tie_) before.add(end);
  }

  // Of `op`, which `call` runs, or none.
  void wait_for_dependencies(const Record& record, OpId call, OpId op, Ends& before) {
    const Program& program = view_.program_of(record);
    for (const OpId id : program.dependencies_of(op.index())) {
      if (program.operations[id.index()].kind == OpKind::call) {
        wait_for(record, call_end(record.fragment, id), before);
        continue;
      }
      const std::uint32_t awaited = call.valid() ? index_.called(record.fragment, call, id)
                                                 : index_.outside(record.fragment, id);
      if (awaited == no_record) continue;
      play(awaited);  // of what takes no time it may come later in the timeline
      wait_for(record, ends_[awaited], before);
    }
  }

  void wait_for_queues(const Record& record, std::span<const QueueId> queues, Ends& before) const {
    for (const QueueId q : queues)
      wait_for(record, queues_[place_of(view_.program_of(record).queues[q.index()])], before);
  }

  void release(const Record& record, std::span<const QueueId> queues, const Ends& end) {
    for (const QueueId q : queues) queues_[place_of(view_.program_of(record).queues[q.index()])].add(end);
  }

  // A Call waits until all queues of its body are free.
  const Ends& call_start(const Record& record) {
    OfFragment& fragment = fragments_[record.fragment];
    Ends& start = fragment.call_start[record.call.index()];
    if (start.recorded != never) return start;
    Ends before = fragment.start;
    wait_for_dependencies(record, OpId(), record.call, before);
    wait_for_queues(record, body_queues(record), before);
    return start = before;
  }

  Ends call_end(std::uint32_t fragment, OpId call) {
    const auto all = index_.all_called(fragment, call);
    if (fragments_[fragment].played[call.index()] < all.size())
      for (const std::uint32_t r : all) play(r);
    return fragments_[fragment].call_end[call.index()];
  }

  void end_in_call(const Record& record, const Ends& end) {
    OfFragment& fragment = fragments_[record.fragment];
    Ends& all = fragment.call_end[record.call.index()];
    all.add(end);
    if (++fragment.played[record.call.index()] == index_.all_called(record.fragment, record.call).size())
      release(record, body_queues(record), all);
  }

  std::span<const QueueId> body_queues(const Record& record) const {
    const Program& program = view_.program_of(record);
    const Body& body = program.bodies[program.operations[record.call.index()].body.index()];
    Operation all;
    all.queues = body.queues;
    return program.queues_of(all);
  }

  // Starts when those that ended last before it have, in the replay with all that belongs to them.
  OfFragment& started(std::uint32_t f) {
    OfFragment& fragment = fragments_[f];
    if (fragment.started) return fragment;
    const auto& all = view_.timeline().fragments;
    fragment.started = true;
    const std::size_t operations = all[f].program->operations.size();
    fragment.call_start.resize(operations);
    fragment.call_end.resize(operations);
    fragment.played.resize(operations);
    const double start = all[f].start_s;
    Ends before;
    if (start > view_.window_start_s())
      for (std::size_t g = 0; g < all.size(); ++g) {
        if (g == f || all[g].job != all[f].job || all[g].end_s > start || all[g].end_s < before.recorded) continue;
        if (all[g].end_s > before.recorded) before = {all[g].end_s, never};
        before.even = std::max(before.even, fragments_[g].started ? fragments_[g].end.even : all[g].end_s);
      }
    fragment.start = before.recorded == never ? Ends{start, start}
                                              : Ends{start, before.even + (start - before.recorded)};
    return fragment;
  }

  const JobView& view_;
  RecordIndex& index_;
  const std::vector<double>& lengths_;
  double tie_;
  std::vector<double> starts_;  // by record, in the replay
  std::vector<Ends> ends_;      // by record
  std::vector<OfFragment> fragments_;
  std::vector<Ends> queues_;  // when they were freed last
};

}  // namespace

EvenPace::EvenPace(const JobView& view, const Cluster& cluster, KernelProfiles& profiles, RecordIndex& index)
    : view_(view) {
  if (!view.several_stages()) return;
  const std::vector<double> lengths = even_lengths(view, cluster, profiles);
  if (lengths.empty()) return;
  Replay replay(view, index, lengths);
  replay.run();
  window_end_s_ = replay.window_end_s();
  times_.resize(lengths.size());
  for (std::size_t r = 0; r < times_.size(); ++r) times_[r] = {replay.start_s(r), replay.end_s(r)};
}

double EvenPace::idle_s(std::size_t device) const {
  std::vector<Span> busy;
  for (const std::uint32_t r : view_.records_of(device)) {
    const bool computes = view_.operation_of(view_.timeline().records[r]).kind == OpKind::compute;
    for (const Participation& p : view_.participants(view_.timeline().records[r]))
      if (p.device == device && (p.on_compute_stream || !computes)) busy.push_back(times_[r]);
  }
  std::sort(busy.begin(), busy.end(), [](const Span& a, const Span& b) { return a.start < b.start; });
  double idle = 0, now = view_.window_start_s();
  for (const Span& span : busy) {
    idle += std::max(0.0, std::min(span.start, window_end_s_) - now);
    now = std::max(now, span.end);
  }
  return idle + std::max(0.0, window_end_s_ - now);
}

}  // namespace orrery
