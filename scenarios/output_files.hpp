// Result files that are there complete or not at all: written beside their place under a temporary name, then renamed.
// An interrupted program (SIGINT, SIGTERM) removes its temporary files and ends with exit code 130.
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace orrery {

struct OutputFile {
  std::filesystem::path path;
  std::function<void(std::ostream&)> write;
};

// Writes all, then renames all. Throws IoError, and then leaves what was there. What exists and is no regular file
// (a pipe, /dev/null) is written to directly.
void write_files(const std::vector<OutputFile>&);

// A folder for a result: absent (it is created with its parents by the first write), empty, or one that already holds a
// result of ours, which is then replaced. Anything else throws UsageError: nobody's files are to be lost.
void check_result_folder(const std::filesystem::path&);

// Ends the program on SIGINT and SIGTERM as said above, and keeps SIGPIPE from ending it without a word.
void install_signal_handlers();

}  // namespace orrery
