#include "tests/architecture/house_rules.hpp"

#include <regex>
#include <string_view>

namespace orrery::architecture {
namespace {

constexpr std::size_t longest_file = 600;

bool ends_with_any(const std::string& path, std::initializer_list<std::string_view> endings) {
  for (const std::string_view ending : endings) {
    if (path.ends_with(ending)) return true;
  }
  return false;
}

// How many comment lines a file opens with.
int opening_comment_lines(const std::string& text) {
  int count = 0;
  bool in_block = false;
  for (const std::string& line : lines_of(text)) {
    const std::size_t start = line.find_first_not_of(" \t");
    const std::string_view rest = start == std::string::npos ? "" : std::string_view(line).substr(start);
    if (count == 0 && (rest.empty() || rest.starts_with("#pragma once"))) continue;
    if (rest.starts_with("/*")) in_block = true;
    if (!in_block && !rest.starts_with("//")) break;
    ++count;
    if (rest.find("*/") != std::string_view::npos) in_block = false;
  }
  return count;
}

}  // namespace

std::vector<Finding> check_opening_comments(const std::vector<SourceFile>& files) {
  std::vector<Finding> findings;
  for (const SourceFile& file : files) {
    if (!file.path.ends_with(".hpp") || opening_comment_lines(file.text) >= 2) continue;
    findings.push_back({file.path, 1, "a header opens with two to six lines: what this models, assumes, and cites"});
  }
  return findings;
}

std::vector<Finding> check_lengths(const std::vector<SourceFile>& files) {
  std::vector<Finding> findings;
  for (const SourceFile& file : files) {
    const bool is_code = ends_with_any(file.path, {".cpp", ".hpp", ".cmake", "CMakeLists.txt", ".sh", ".py"}) ||
                         file.path == "dev";
    const std::size_t lines = lines_of(file.text).size();
    if (!is_code || lines <= longest_file) continue;
    findings.push_back({file.path, 0, "has " + std::to_string(lines) + " lines; split it, one concept per file"});
  }
  return findings;
}

std::vector<Finding> check_machine_paths(const std::vector<SourceFile>& files) {
  // A path starts where no path goes on: after a quote or a space it counts, inside the JSON pointer /jobs/0/work/x it
  // does not.
  static const std::regex machine_path(R"((^|[^\w./~\-])/(work|home|root|Users|tmp/wt)/\w)");
  static const std::regex any_hint("/(work|home|root|Users|tmp/wt)/");
  std::vector<Finding> findings;
  for (const SourceFile& file : files) {
    int number = 0;
    for (const std::string& line : lines_of(file.text)) {
      ++number;
      if (line.find('/') == std::string::npos || line.size() > 4000) continue;
      std::smatch match;
      if (!std::regex_search(line, any_hint) || !std::regex_search(line, match, machine_path)) continue;
      findings.push_back({file.path, number, "names a path of one machine: " + match.str()});
    }
  }
  return findings;
}

}  // namespace orrery::architecture
