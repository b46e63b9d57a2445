#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "sim/library_lookups.hpp"
#include "sim/spec.hpp"

namespace orrery {

namespace fs = std::filesystem;

namespace {

thread_local LibraryLookups* lookups = nullptr;

// Where a kind lives below a folder, when not under its own name.
fs::path folder_of(std::string_view kind) {
  if (kind == "scenarios") return fs::path("scenarios") / "library";
  if (kind == "calibration") return fs::path("kernels") / "calibration";
  return kind;
}

// Names come from documents: they must not lead out of the library's folders.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) { return c == '/' || c == '\\' || c < 0x20; });
}

}  // namespace

fs::path Library::find(std::string_view kind, std::string_view name) const {
  if (!is_name(name)) return {};
  const std::string file = std::string(name) + ".json";
  fs::path found;
  for (const fs::path& folder : folders_)
    for (const fs::path& place : {folder / folder_of(kind), folder / "models" / folder_of(kind), folder}) {
      std::error_code error;
      if (found.empty() && fs::is_regular_file(place / file, error)) found = place / file;
    }
  if (lookups != nullptr) LibraryLookups::note(std::string(kind) + '/' + std::string(name), found);
  return found;
}

LibraryLookups::LibraryLookups() { lookups = this; }
LibraryLookups::~LibraryLookups() { lookups = nullptr; }

void LibraryLookups::note(const std::string& name, const fs::path& file) {
  if (lookups != nullptr) lookups->files_.insert_or_assign(name, file);
}

std::vector<std::string> Library::names(std::string_view kind) const {
  std::vector<std::string> all;
  for (const fs::path& folder : folders_)
    for (const fs::path& place : {folder / folder_of(kind), folder / "models" / folder_of(kind)}) {
      std::error_code error;
      for (fs::directory_iterator it(place, error), end; !error && it != end; it.increment(error))
        if (it->path().extension() == ".json" && is_name(it->path().stem().string()))
          all.push_back(it->path().stem().string());
    }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

Library Library::with_front(fs::path folder) const {
  std::vector<fs::path> folders{std::move(folder)};
  folders.insert(folders.end(), folders_.begin(), folders_.end());
  return Library(std::move(folders));
}

Library Library::installed() {
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  const fs::path shared = binary.parent_path().parent_path() / "share" / "orrery";
  if (!error && fs::is_directory(shared, error)) return Library({shared});
  return Library({fs::path(ORRERY_SOURCE_DATA_DIR)});
}

}  // namespace orrery
