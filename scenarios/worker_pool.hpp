// Independent pieces of work, each in a process of its own and several at a time: simulations do not share memory, so
// that one that is too large ends alone. Results come back in the order of the work, whatever finished first.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace orrery {

// Runs work(0) ... work(count - 1) in child processes, at most `jobs` at a time. What `work` throws ends everything:
// IoError as such, anything else as std::runtime_error. `finished` is told how many are done.
std::vector<std::string> run_in_processes(std::size_t count, std::size_t jobs,
                                          const std::function<std::string(std::size_t)>& work,
                                          const std::function<void(std::size_t)>& finished = {});

// Processors that this process may use, at least 1.
std::size_t available_processors();

}  // namespace orrery
