// A sweep: a base scenario and the points at which it is simulated. A point is simulated in a worker process and answers
// with one text row; only this process writes the store. What a point gives depends on nothing but the sweep file, the
// library's data and the program, so neither the number of workers nor stops nor shards change a row.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/scenario.hpp"
#include "scenarios/store.hpp"
#include "scenarios/sweep_points.hpp"
#include "scenarios/sweep_spec.hpp"

namespace orrery {

struct Sweep {
  std::string file;
  SweepSpec spec;
  ScenarioDocument base;
  Library library;  // names resolve beside the base scenario first
  SweepPoints points;
  std::vector<std::string> metrics;
  std::size_t size() const { return points.values.size(); }
};

// A file, or a sweep of the library by name. Throws SpecError for all that can be known before simulating: axes that point
// nowhere, values that no point can take, unknown metrics, more points than `limit` (0: what the file says, else the usual).
Sweep load_sweep(const std::string& file_or_name, const Library&, double limit);

StoreIdentity identify(const Sweep&);

// The document of a point's scenario.
ScenarioDocument scenario_at(const Sweep&, std::size_t point);
// Simulates in this process. Never throws for what is wrong with the point: that is its status and reason.
StoredPoint simulate_at(const Sweep&, std::size_t point);

// Which part of the points a run takes. Points are dealt out in a fixed random order, so that parts cost about the same
// whatever the axes are.
struct Shard {
  std::size_t index = 1, count = 1;  // "3/10" is the third of ten
  std::string text() const;
  std::vector<std::size_t> points_of(std::size_t total) const;  // in their order
};

struct SweepCounts {
  std::size_t total = 0;                                // of this shard
  std::size_t before = 0;                               // stored by an earlier run
  std::size_t done = 0;                                 // by this one
  std::size_t infeasible = 0, invalid = 0, failed = 0;  // of those done by this run
};

// Simulates the points of the shard that the store lacks and stores each as it finishes. `stopped` is asked whenever a
// signal arrives; `told` hears of every point.
SweepCounts run_sweep(const Sweep&, Store&, Shard, int jobs, const std::function<bool()>& stopped,
                      const std::function<void(const StoredPoint&, const SweepCounts&)>& told);

// Throws SpecError when a file that a stored point comes from has another content now.
void check_stored_data(const Sweep&, const Store&);

}  // namespace orrery
