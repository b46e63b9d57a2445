// What a device holds over time: persistent tensors plus the memory effects of the operations it takes part in, an
// operation's start delta when it starts and its end delta when it ends. At one instant everything that ends is applied
// before everything that starts, so memory freed by one operation serves the next.
// Not modelled: allocator fragmentation and what the software itself reserves.
#pragma once

#include <array>
#include <vector>

#include "analysis/job_view.hpp"

namespace orrery {

using MemoryByCategory = std::array<double, memory_category_names.size()>;  // bytes

struct MemoryChange {
  double time_s = 0;
  double bytes = 0;
  MemoryCategory category = MemoryCategory::activations;
  bool starts = false;
};

// What tells which device is fullest: the room that is left; where no capacity is known, less the more there is in it.
inline double memory_room(double capacity_bytes, double used_bytes) {
  return (capacity_bytes > 0 ? capacity_bytes : 0) - used_bytes;
}

struct MemoryPeak {
  MemoryByCategory by_category{};
  double total = 0;
};

MemoryByCategory persistent_memory(const JobView&, std::size_t device);
// In the order in which they apply. `changes` is overwritten (pass the same vector again to spare allocations).
void memory_changes(const JobView&, std::size_t device, std::vector<MemoryChange>& changes);
MemoryPeak memory_peak(const MemoryByCategory& persistent, const std::vector<MemoryChange>& changes);

// Of each of the Program's devices without running it: the peak when its operations follow each other as they were written.
// That is the peak of every run in which the memory effects of a device are all on one of its streams, as they are but for
// what is offloaded: copies then end when they are written, before those of a run, so that a run may hold more.
std::vector<MemoryPeak> memory_peaks_as_written(const Program&);

}  // namespace orrery
