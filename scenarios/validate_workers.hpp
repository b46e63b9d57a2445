// The same task for many items in forked worker processes: each worker takes the next free item, computes a text and sends
// it back with the item's number, so that results do not depend on the number of workers. A worker that dies (a crash, no
// memory) costs its item only; another takes its place. Simulations fork anyway, so threads would not do.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace orrery {

// Results in the order of the items; none where the worker died. `done` is called in this process after each item.
// `jobs` 0: as many as the machine has processors.
std::vector<std::optional<std::string>> run_in_workers(std::size_t items, int jobs,
                                                       const std::function<std::string(std::size_t)>& task,
                                                       const std::function<void(std::size_t done)>& progress);

}  // namespace orrery
