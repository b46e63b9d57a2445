#include "tests/architecture/include_rule.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <string_view>

namespace orrery::architecture {
namespace {

// A folder includes itself and these.
struct FolderRule {
  std::string_view folder;
  std::string_view may_include;  // separated by spaces
};

constexpr std::array<FolderRule, 7> folder_rules{{
    {"sim", ""},
    {"kernels", "sim"},
    {"topologies", "sim"},
    {"analysis", "sim"},
    {"models", "sim kernels"},
    {"scenarios", "sim kernels topologies analysis models"},
    {"tests", "sim kernels topologies analysis models scenarios"},
}};

// A library's headers, and the regular expression of the files that may include them.
struct Door {
  std::string_view library;
  std::string_view headers;
  std::string_view files;
  std::string_view said;  // the files, in words
};

constexpr std::array<Door, 7> doors{{
    {"SimGrid", "(simgrid|xbt)(/.*|\\.hp?p?)", "(tests/)?sim/simgrid/.*", "sim/simgrid/"},
    {"Boost.Graph", "boost/(graph/.*|property_map/.*)", "sim/fabric.*|tests/.*", "sim/fabric*"},
    {"nlohmann JSON", "nlohmann/.*", "sim/(json|spec).*|(analysis|scenarios)/(.*/)?[^/]*json[^/]*|tests/.*",
     "sim/json*, sim/spec* and the files of analysis/ and scenarios/ named after json"},
    {"CLI11", "CLI/.*", "scenarios/.*", "scenarios/"},
    {"SQLite", "sqlite3.*", "(tests/)?scenarios/.*", "scenarios/"},
    {"Catch2", "catch2/.*", "tests/.*", "tests/"},
    {"Google Benchmark", "benchmark/.*", "tests/benchmarks/.*|scenarios/measure/harness\\.cpp",
     "tests/benchmarks/ and scenarios/measure/harness.cpp"},
}};

std::string first_folder(const std::string& path) { return path.substr(0, path.find('/')); }

const FolderRule* find_rule(std::string_view folder) {
  const auto* found = std::find_if(folder_rules.begin(), folder_rules.end(),
                                   [folder](const FolderRule& rule) { return rule.folder == folder; });
  return found == folder_rules.end() ? nullptr : found;
}

bool allows(const FolderRule& rule, const std::string& folder) {
  if (rule.folder == folder) return true;
  const std::string spaced = " " + std::string(rule.may_include) + " ";
  return spaced.find(" " + folder + " ") != std::string::npos;
}

bool matches(const std::string& text, std::string_view pattern) {
  return std::regex_match(text, std::regex(pattern.begin(), pattern.end()));
}

std::optional<std::string> broken_rule(const FolderRule& includer, const std::string& header, bool quoted) {
  const std::string folder = first_folder(header);
  const bool ours = find_rule(folder) != nullptr && header.find('/') != std::string::npos;
  if (ours) {
    if (allows(includer, folder)) return std::nullopt;
    const std::string allowed(includer.may_include);
    return std::string(includer.folder) + "/ may not include \"" + header + "\" (of ours it may include " +
           (allowed.empty() ? "nothing" : "only: " + allowed) + ")";
  }
  if (quoted) return "\"" + header + "\" is not a path from the root: write \"sim/...\", or <...> for a library";
  return std::nullopt;
}

std::optional<std::string> wrong_door(const std::string& path, const std::string& header) {
  for (const Door& door : doors) {
    if (matches(header, door.headers) && !matches(path, door.files)) {
      return "<" + header + ">: " + std::string(door.library) + " is included only by " + std::string(door.said);
    }
  }
  return std::nullopt;
}

void check_file(const SourceFile& file, const FolderRule& rule, std::vector<Finding>& findings) {
  static const std::regex include_line(R"(^\s*#\s*include\s*(["<])([^">]+)[">].*)");
  int number = 0;
  for (const std::string& line : lines_of(file.text)) {
    ++number;
    std::smatch match;
    if (line.find("include") == std::string::npos || !std::regex_match(line, match, include_line)) continue;
    const std::string header = match[2];
    if (const auto message = broken_rule(rule, header, match[1] == "\"")) {
      findings.push_back({file.path, number, *message});
    } else if (const auto door = wrong_door(file.path, header)) {
      findings.push_back({file.path, number, *door});
    }
  }
}

}  // namespace

std::vector<Finding> check_includes(const std::vector<SourceFile>& files) {
  std::vector<Finding> findings;
  for (const SourceFile& file : files) {
    const bool is_cpp = matches(file.path, R"(.*\.(cpp|hpp|h|cc|inl|ipp))");
    const FolderRule* rule = find_rule(first_folder(file.path));
    if (is_cpp && rule != nullptr) check_file(file, *rule, findings);
  }
  return findings;
}

}  // namespace orrery::architecture
