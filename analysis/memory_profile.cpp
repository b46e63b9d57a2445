#include "analysis/memory_profile.hpp"

#include <algorithm>
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

}  // namespace orrery
