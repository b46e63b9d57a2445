// One writer per store. A record lock on a file beside it: forked workers do not inherit it, the system takes it back
// however its process ends, and it holds across the computers of a network file system that has locks.
#pragma once

#include <filesystem>

namespace orrery {

class StoreLock {
 public:
  explicit StoreLock(const std::filesystem::path& store);  // SpecError when somebody else writes to the store
  ~StoreLock();
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace orrery
