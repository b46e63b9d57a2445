// Which files the data of a computation came from: while one of these lives, every name looked up in a library, and every
// file told to note(), is remembered with the file that it led to. One at a time in a thread; lookups outside of one are
// not kept. So what a result depends on need not be known by anyone but those who read it.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace orrery {

class LibraryLookups {
 public:
  LibraryLookups();
  ~LibraryLookups();
  LibraryLookups(const LibraryLookups&) = delete;
  LibraryLookups& operator=(const LibraryLookups&) = delete;

  // By "KIND/NAME", or as note() was told; an empty path: nothing was there.
  const std::map<std::string, std::filesystem::path>& files() const { return files_; }
  static void note(const std::string& name, const std::filesystem::path& file);

 private:
  std::map<std::string, std::filesystem::path> files_;
};

}  // namespace orrery
