// The same task for many items in forked worker processes: each worker takes the next free item, computes a text and sends
// it back with the item's number, so that results do not depend on the number of workers. A worker that dies (a crash, no
// memory) costs its item only; another takes its place. Workers end with the process that started them, whatever ended it.
// Simulations fork anyway, so threads would not do.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace orrery {

using WorkerTask = std::function<std::string(std::size_t item)>;

struct WorkerAnswer {
  std::size_t item = 0;
  std::optional<std::string> text;  // none: the worker died
  std::string death;                // how: "killed by signal 9 (Killed)", "ended with exit code 1"
};

// Calls `received` in this process once for every item, in the order in which they finish. When it answers false, and when
// `interrupted` (asked whenever a signal arrives, may be null) answers true, the workers are ended and this returns early.
// `jobs` 0: as many as this process has processors.
void run_in_workers(std::size_t items, int jobs, const WorkerTask&, const std::function<bool(WorkerAnswer)>& received,
                    const std::function<bool()>& interrupted);

// The same, gathered: results in the order of the items, none where the worker died. `progress` (may be null) is called
// with the number of items done.
std::vector<std::optional<std::string>> run_in_workers(std::size_t items, int jobs, const WorkerTask&,
                                                       const std::function<void(std::size_t done)>& progress);

}  // namespace orrery
