#include "analysis/memory_profile.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace orrery {

MemoryByCategory persistent_memory(const JobView& view, std::size_t device) {
  MemoryByCategory held{};
  const auto all = view.persistent();  // sorted by device
  const DeviceId id = view.devices()[device].device;
  auto p = std::lower_bound(all.begin(), all.end(), id,
                            [](const PersistentMemory& m, DeviceId wanted) { return m.device < wanted; });
  for (; p != all.end() && p->device == id; ++p) held[static_cast<std::size_t>(p->category)] += p->bytes;
  return held;
}

void memory_changes(const JobView& view, std::size_t device, std::vector<MemoryChange>& changes) {
  changes.clear();
  for (const std::uint32_t r : view.records_of(device)) {
    const Record& record = view.timeline().records[r];
    const Operation& op = view.operation_of(record);
    if (!op.memory.valid()) continue;
    const MemoryDelta& delta = view.program_of(record).memory_effects[op.memory.index()];
    if (delta.at_start != 0) changes.push_back({record.start_s, delta.at_start, delta.category, true});
    if (delta.at_end != 0) changes.push_back({record.end_s, delta.at_end, delta.category, false});
  }
  std::stable_sort(changes.begin(), changes.end(), [](const MemoryChange& a, const MemoryChange& b) {
    return std::tie(a.time_s, a.starts) < std::tie(b.time_s, b.starts);
  });
}

// Changes of one instant and kind count as one, so that the order of records does not matter.
MemoryPeak memory_peak(const MemoryByCategory& persistent, const std::vector<MemoryChange>& changes) {
  MemoryByCategory now = persistent;
  MemoryPeak peak{now, std::accumulate(now.begin(), now.end(), 0.0)};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    now[static_cast<std::size_t>(changes[i].category)] += changes[i].bytes;
    const bool more = i + 1 < changes.size() && changes[i + 1].time_s == changes[i].time_s &&
                      changes[i + 1].starts == changes[i].starts;
    if (more) continue;
    const double total = std::accumulate(now.begin(), now.end(), 0.0);
    if (total > peak.total) peak = {now, total};
  }
  return peak;
}

namespace {

class WrittenOrder {
 public:
  explicit WrittenOrder(const Program& program)
      : program_(program), now_(program.devices.size()), peaks_(program.devices.size()) {
    for (std::size_t i = 0; i < now_.size(); ++i) index_[program.devices[i].device] = i;
    for (const PersistentMemory& m : program.persistent) add(index_.at(m.device), m.category, m.bytes);
  }

  std::vector<MemoryPeak> peaks() {
    auto body = program_.bodies.begin();  // they lie in the order of their operations
    for (std::size_t i = 0; i < program_.operations.size();) {
      if (body != program_.bodies.end() && i == body->begin) {
        i = body++->end;
        continue;
      }
      const Operation& op = program_.operations[i++];
      if (op.kind == OpKind::call)
        run(program_.bodies[op.body.index()]);
      else
        run(op);
    }
    return std::move(peaks_);
  }

 private:
  void run(const Body& body) {
    for (std::size_t i = body.begin; i < body.end; ++i) run(program_.operations[i]);
  }
  void run(const Operation& op) {
    if (!op.memory.valid()) return;
    const MemoryDelta& delta = program_.memory_effects[op.memory.index()];
    for (const QueueId queue : program_.queues_of(op)) {
      const auto device = index_.find(program_.queues[queue.index()].device);
      if (device == index_.end()) continue;
      add(device->second, delta.category, delta.at_start);
      add(device->second, delta.category, delta.at_end);
    }
  }
  void add(std::size_t device, MemoryCategory category, double bytes) {
    MemoryByCategory& now = now_[device];
    now[static_cast<std::size_t>(category)] += bytes;
    const double total = std::accumulate(now.begin(), now.end(), 0.0);
    if (total > peaks_[device].total) peaks_[device] = {now, total};
  }

  const Program& program_;
  std::map<DeviceId, std::size_t> index_;
  std::vector<MemoryByCategory> now_;
  std::vector<MemoryPeak> peaks_;
};

}  // namespace

std::vector<MemoryPeak> memory_peaks_as_written(const Program& program) { return WrittenOrder(program).peaks(); }

}  // namespace orrery
