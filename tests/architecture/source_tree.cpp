#include "tests/architecture/source_tree.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

namespace orrery::architecture {
namespace {

namespace fs = std::filesystem;

bool is_skipped_at_root(const std::string& name) {
  constexpr std::array<std::string_view, 5> skipped{".git", ".cache", "build", "out", "shared"};
  return std::find(skipped.begin(), skipped.end(), name) != skipped.end();
}

std::string read_text(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace

std::vector<SourceFile> read_source_tree() {
  const fs::path root = ORRERY_SOURCE_DATA_DIR;
  std::vector<SourceFile> files;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry.depth() == 0 && is_skipped_at_root(entry->path().filename().string())) {
      entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file()) continue;
    std::string text = read_text(entry->path());
    if (text.find('\0') != std::string::npos) continue;
    files.push_back({entry->path().lexically_relative(root).generic_string(), std::move(text)});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string describe(const std::vector<Finding>& findings) {
  std::ostringstream out;
  for (const Finding& finding : findings) {
    out << finding.path << ':';
    if (finding.line > 0) out << finding.line << ':';
    out << ' ' << finding.message << '\n';
  }
  return out.str();
}

}  // namespace orrery::architecture
