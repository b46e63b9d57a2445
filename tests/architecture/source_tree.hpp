// The repository as plain values: every text file with its path relative to the root, so that the checks below are
// functions of (path, text) pairs and can be tried on invented files.
// Skips what is not source: version control, build and output folders. Files holding a NUL byte are not text.
#pragma once

#include <string>
#include <vector>

namespace orrery::architecture {

struct SourceFile {
  std::string path;  // relative to the root, with forward slashes
  std::string text;
};

struct Finding {
  std::string path;
  int line = 0;  // from 1; 0 means the file as a whole
  std::string message;
};

// The tree this test was built from, in order of path.
std::vector<SourceFile> read_source_tree();

std::vector<std::string> lines_of(const std::string& text);

// One finding per line, as compilers print them: path:line: message.
std::string describe(const std::vector<Finding>& findings);

}  // namespace orrery::architecture
