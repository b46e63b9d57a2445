#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <tuple>

#include "analysis/kernel_profile.hpp"
#include "analysis/memory_profile.hpp"
#include "analysis/report.hpp"
#include "analysis/trace_events.hpp"
#include "sim/error.hpp"

namespace orrery {
namespace {

Track track_of(const Queue& queue) {
  return {queue.device.value, static_cast<std::uint32_t>(queue.stream) + 1};  // thread 0 is the process's own
}

std::string name_of(const Program& program, const Operation& op) {
  if (op.kind == OpKind::transfer)
    return std::string(op.label.collective == CollectiveKind::none
                           ? "transfer"
                           : collective_names[static_cast<std::size_t>(op.label.collective)]);
  std::string name;
  if (op.label.phase != Phase::none) {
    name = phase_names[static_cast<std::size_t>(op.label.phase)];
  } else if (op.sequence.valid() && !program.sequence(op.sequence).empty()) {
    name = orrery::name(program.sequence(op.sequence).front().kind);
  } else {
    name = "compute";
  }
  if (op.label.layer >= 0) name += fmt::format(" layer {}", op.label.layer);
  if (op.label.micro_batch >= 0) name += fmt::format(" micro-batch {}", op.label.micro_batch);
  return name;
}

class TraceWriter {
 public:
  TraceWriter(std::ostream& out, const Timeline& timeline, const Cluster& cluster, const CostModel& costs,
              const TraceLimits& limits)
      : scope_(trace_scope(timeline, limits)),
        events_(out, scope_.left_out),
        timeline_(timeline),
        cluster_(cluster),
        costs_(costs) {}

  void write() {
    name_tracks();
    for (const Record& record : timeline_.records)
      if (scope_.shows(record)) slices(record);
    arrows();
    counters();
    events_.finish();
  }

 private:
  struct KernelTimes {  // of one sequence on one device type at one speed
    bool known = false;
    double host_s = 0, total_s = 0;
    std::vector<KernelCost> kernels;
  };

  void name_tracks() {
    std::map<DeviceId, Representative> processes;
    std::set<std::pair<DeviceId, Stream>> threads;
    for (const FragmentRecord& fragment : timeline_.fragments) {
      if (!fragment.program || fragment.program == last_named_) continue;
      last_named_ = fragment.program;
      for (const Queue& q : fragment.program->queues) {
        if (!scope_.shows(q.device)) continue;
        threads.insert({q.device, q.stream});
        processes.try_emplace(q.device, Representative{q.device, 1, -1});
      }
      for (const Representative& r : fragment.program->devices)
        if (scope_.shows(r.device)) processes.insert_or_assign(r.device, r);
    }
    for (const auto& [device, r] : processes) {
      std::string name = fmt::format("device {}", device.value);
      if (r.stage >= 0) name += fmt::format(" · stage {}", r.stage);
      if (r.multiplicity != 1) name += fmt::format(" · stands for {}", r.multiplicity);
      describe({device.value, 0}, "process_name", TraceArgs().add("name", name));
      const DeviceModel& model = cluster_.model_of(device);
      describe({device.value, 0}, "process_labels",
               TraceArgs().add("labels", model.title.empty() ? model.name : model.title));
      describe({device.value, 0}, "process_sort_index", TraceArgs().add_integer("sort_index", device.value));
    }
    for (const auto& [device, stream] : threads) {
      const Track track = track_of({device, stream});
      describe(track, "thread_name", TraceArgs().add("name", stream_names[static_cast<std::size_t>(stream)]));
      describe(track, "thread_sort_index", TraceArgs().add_integer("sort_index", track.thread));
    }
  }

  void describe(Track track, std::string_view kind, const TraceArgs& args) { events_.metadata(track, kind, args); }

  void slices(const Record& record) {
    const Program& program = *timeline_.fragments[record.fragment].program;
    Operation op = program.operations[record.op.index()];
    if (record.call.valid()) op.label.micro_batch = program.operations[record.call.index()].label.micro_batch;
    const auto queues = program.queues_of(op);
    if (queues.empty()) return;
    const std::string name = name_of(program, op);
    const Nanoseconds start = to_nanoseconds(record.start_s), end = to_nanoseconds(record.end_s);
    operation_args(record, op);
    for (const QueueId q : queues) {
      const Queue& queue = program.queues[q.index()];
      if (!scope_.shows(queue.device)) continue;
      events_.slice(track_of(queue), name, op.kind == OpKind::compute ? "compute" : "transfer", start, end, args_);
    }
    if (op.kind != OpKind::compute || !op.sequence.valid() || end <= start) return;
    const Queue& first = program.queues[queues.front().index()];
    if (!scope_.shows(first.device)) return;
    kernel_slices(track_of(first), program, op.sequence, times_of(program, op.sequence, first.device), start, end);
  }

  void operation_args(const Record& record, const Operation& op) {
    args_.clear();
    const Label& label = op.label;
    if (timeline_.fragments.size() > 1) args_.add_integer("fragment", record.fragment);
    if (label.phase != Phase::none) args_.add("phase", phase_names[static_cast<std::size_t>(label.phase)]);
    if (label.layer >= 0) args_.add_integer("layer", label.layer);
    if (label.micro_batch >= 0) args_.add_integer("micro_batch", label.micro_batch);
    if (label.stage >= 0) args_.add_integer("stage", label.stage);
    if (label.chunk >= 0) args_.add_integer("chunk", label.chunk);
    if (op.kind == OpKind::transfer) {
      if (label.collective != CollectiveKind::none)
        args_.add("collective", collective_names[static_cast<std::size_t>(label.collective)]);
      args_.add("bytes", op.bytes);
      if (op.rounds > 0) args_.add_integer("rounds", op.rounds);
    }
    if (record.energy_J > 0) args_.add("energy_J", record.energy_J);
  }

  const KernelTimes& times_of(const Program& program, SequenceId sequence, DeviceId device) {
    const DeviceTypeId type = cluster_.type_of[device.index()];
    const double speed = speed_of(cluster_, device);
    auto& of_program = times_[{&program, type, speed}];
    of_program.resize(program.sequence_count());
    KernelTimes& times = of_program[sequence.index()];
    if (times.known) return times;
    times.known = true;
    times.host_s = costs_.breakdown(type, program.sequence(sequence), {.clock = speed}, times.kernels).value;
    times.total_s = times.host_s;
    for (const KernelCost& k : times.kernels) times.total_s += k.cost.time.value;
    return times;
  }

  // The kernels of a Compute, stretched to its recorded length. Each boundary is rounded by itself, so the last one ends
  // with the parent and none crosses it. The wait for the host is drawn first, although it is spread over the launches.
  void kernel_slices(Track track, const Program& program, SequenceId sequence, const KernelTimes& times,
                     Nanoseconds start, Nanoseconds end) {
    if (times.total_s <= 0) return;
    const double stretch = static_cast<double>(end - start) / times.total_s;
    double passed = times.host_s;
    Nanoseconds from = start;
    const auto next = [&] { return std::min(end, start + static_cast<Nanoseconds>(std::llround(passed * stretch))); };
    Nanoseconds to = next();
    args_.clear();
    if (to > from) events_.slice(track, "host launch", "kernel", from, to, args_);
    const auto kernels = program.sequence(sequence);
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      passed += times.kernels[i].cost.time.value;
      from = to;
      to = next();
      if (to <= from) continue;
      const Kernel& k = kernels[i];
      args_.clear();
      args_.add("type", orrery::name(k.type)).add("bound", times.kernels[i].bound);
      args_.add_integer("m", k.m).add_integer("n", k.n).add_integer("k", k.k).add_integer("batch", k.batch);
      if (k.repeat > 1) args_.add_integer("repeat", k.repeat);
      events_.slice(track, orrery::name(k.kind), "kernel", from, to, args_);
    }
  }

  // From every point-to-point message to the first Compute or collective that waited for it on another device.
  void arrows() {
    std::vector<std::uint32_t> begin(timeline_.fragments.size() + 1, 0);
    for (const Record& r : timeline_.records) ++begin[r.fragment + 1];
    for (std::size_t f = 1; f < begin.size(); ++f) begin[f] += begin[f - 1];
    std::vector<std::uint32_t> by_fragment(timeline_.records.size()), next(begin.begin(), begin.end() - 1);
    for (std::size_t r = 0; r < timeline_.records.size(); ++r)
      by_fragment[next[timeline_.records[r].fragment]++] = static_cast<std::uint32_t>(r);
    for (std::size_t f = 0; f < timeline_.fragments.size(); ++f)
      if (timeline_.fragments[f].program)
        arrows_of(*timeline_.fragments[f].program, {by_fragment.data() + begin[f], by_fragment.data() + begin[f + 1]});
  }

  struct Arrival {  // at a receiver of a message
    std::uint32_t record = no_record;
    Queue queue;
  };

  void arrows_of(const Program& program, std::span<const std::uint32_t> records) {
    record_of_.assign(program.operations.size(), no_record);
    for (const std::uint32_t r : records) record_of_[timeline_.records[r].op.index()] = r;
    arrivals_.assign(program.operations.size(), {});
    for (const std::uint32_t r : records) {
      const Record& record = timeline_.records[r];
      const Operation& op = program.operations[record.op.index()];
      if (op.kind == OpKind::join || !op.queues.valid() || is_message(program, record.op)) continue;
      // What a Call waited for, its first operation on the device of the receiver has waited for.
      const OpId waited = record.call.valid() ? record.call : record.op;
      for (const OpId message : program.dependencies_of(waited.index()))
        if (is_message(program, message)) arrive(program, message, r, op);
    }
    for (const std::uint32_t r : records) {
      const Arrival& arrival = arrivals_[timeline_.records[r].op.index()];
      if (arrival.record != no_record) arrow(program, timeline_.records[r], arrival);
    }
  }

  bool is_message(const Program& program, OpId id) const {
    const Operation& op = program.operations[id.index()];
    return op.kind == OpKind::transfer && op.label.collective == CollectiveKind::send_receive && op.queues.valid() &&
           record_of_[id.index()] != no_record;
  }

  // A message goes to those of its devices that do not send it; where it names none, to any other device that waited.
  void arrive(const Program& program, OpId message, std::uint32_t r, const Operation& op) {
    const auto parties = program.queues_of(program.operations[message.index()]);
    const DeviceId sender = program.queues[parties.front().index()].device;
    const auto receives = [&](DeviceId d) {
      const auto is = [&](QueueId q) { return program.queues[q.index()].device == d; };
      return d != sender && (parties.size() == 1 || std::any_of(parties.begin(), parties.end(), is));
    };
    Arrival& best = arrivals_[message.index()];
    if (best.record != no_record && timeline_.records[best.record].start_s <= timeline_.records[r].start_s) return;
    for (const QueueId q : program.queues_of(op))
      if (receives(program.queues[q.index()].device)) {
        best = {r, program.queues[q.index()]};
        return;
      }
  }

  void arrow(const Program& program, const Record& message, const Arrival& arrival) {
    const Record& received = timeline_.records[arrival.record];
    const Queue& sender = program.queues[program.queues_of(program.operations[message.op.index()]).front().index()];
    if (!scope_.shows(sender.device) || !scope_.shows(arrival.queue.device)) return;
    if (!scope_.shows(message) || !scope_.shows(received)) return;
    const Nanoseconds from = to_nanoseconds(message.start_s), to = to_nanoseconds(received.start_s);
    if (to_nanoseconds(message.end_s) <= from || to_nanoseconds(received.end_s) <= to)
      return;  // no slice to hold on to
    events_.arrow("message", track_of(sender), from, track_of(arrival.queue), to);
  }

  void counters() {
    std::uint16_t jobs = 0;
    for (const FragmentRecord& f : timeline_.fragments) jobs = std::max(jobs, static_cast<std::uint16_t>(f.job + 1));
    for (std::uint16_t job = 0; job < jobs; ++job) {
      const JobView view(timeline_, job);
      const std::string name = jobs == 1 ? std::string("memory") : fmt::format("memory of job {}", job);
      for (std::size_t i = 0; i < view.devices().size(); ++i)
        if (scope_.shows(view.devices()[i].device)) memory_of(view, i, name);
    }
  }

  void memory_of(const JobView& view, std::size_t device, const std::string& name) {
    MemoryByCategory held = persistent_memory(view, device);
    memory_changes(view, device, changes_);
    const Nanoseconds first = to_nanoseconds(scope_.start_s), last = to_nanoseconds(scope_.end_s);
    const auto emit = [&](Nanoseconds at) {
      args_.clear();
      for (std::size_t c = 0; c < held.size(); ++c) args_.add(memory_category_names[c], held[c]);
      events_.counter(view.devices()[device].device.value, name, at, args_);
    };
    std::size_t i = 0;
    const auto apply_until = [&](Nanoseconds time) {
      for (; i < changes_.size() && to_nanoseconds(changes_[i].time_s) <= time; ++i)
        held[static_cast<std::size_t>(changes_[i].category)] += changes_[i].bytes;
    };
    apply_until(first);
    emit(first);
    while (i < changes_.size() && to_nanoseconds(changes_[i].time_s) <= last) {
      const Nanoseconds at = to_nanoseconds(changes_[i].time_s);
      apply_until(at);
      emit(at);
    }
  }

  static constexpr std::uint32_t no_record = ~std::uint32_t{0};

  TraceScope scope_;
  TraceEvents events_;
  const Timeline& timeline_;
  const Cluster& cluster_;
  const CostModel& costs_;
  TraceArgs args_;
  std::shared_ptr<const Program> last_named_;
  std::map<std::tuple<const Program*, DeviceTypeId, double>, std::vector<KernelTimes>> times_;  // only looked up
  std::vector<std::uint32_t> record_of_;  // by operation of a fragment
  std::vector<Arrival> arrivals_;         // the same
  std::vector<MemoryChange> changes_;
};

}  // namespace

void write_trace(std::ostream& out, const Timeline& timeline, const Cluster& cluster, const CostModel& costs,
                 const TraceLimits& limits) {
  TraceWriter(out, timeline, cluster, costs, limits).write();
  if (!out) throw IoError("cannot write the trace");
}

}  // namespace orrery
