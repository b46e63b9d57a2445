// What jobs keep in memory pools (CXL expanders) over time, against their capacity: bytes of a Transfer into a pool are there
// from its start, those of one out of it until its end; what a Transfer reads and writes back (optimizer states while the
// host runs Adam) stays there for the whole run. Flows of a folded Transfer stand for all members of the class, so pools hold
// what everybody puts there, jobs beside each other included. Not modelled: fragmentation, copies for safety.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/timeline.hpp"

namespace orrery {

struct MemoryPoolUse {
  std::string name;
  double capacity_bytes = 0, peak_bytes = 0;
  std::vector<bool> jobs;  // which of them keep something there
};

// By pool of the cluster.
std::vector<MemoryPoolUse> memory_pool_use(const Timeline&, const Cluster&);

struct MemoryPoolMetrics {  // of the pools that a job uses
  std::string name;         // of the fullest
  int pools = 0, too_small = 0;
  double capacity_bytes = 0, peak_bytes = 0;  // of the fullest
  double shortfall_bytes() const { return peak_bytes > capacity_bytes ? peak_bytes - capacity_bytes : 0; }
};

// None for a job that uses no pool.
std::optional<MemoryPoolMetrics> memory_pools_of(const std::vector<MemoryPoolUse>&, std::size_t job);

}  // namespace orrery
