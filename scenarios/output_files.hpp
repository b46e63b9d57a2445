// Result files that are there complete or not at all: written beside their place under a temporary name, then renamed.
// An interrupted program (SIGINT, SIGTERM) removes its temporary files and ends with exit code 130.
// Symbolic links are followed and stay what they are, also where they lead to what is not there yet.
#pragma once

#include <csignal>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "sim/json.hpp"

namespace orrery {

struct OutputFile {
  std::filesystem::path path;
  std::function<void(std::ostream&)> write;
};

// Writes all, then renames all. Throws IoError, and then leaves what was there. What exists and is no regular file
// (a pipe, /dev/null) is written to directly.
void write_files(const std::vector<OutputFile>&);

// To be asked before a long run. A folder for a result: absent (it is created with its parents by the first write), empty,
// or one that already holds a result of ours, which is then replaced. Anything else throws UsageError: nobody's files are
// to be lost. A place that cannot be written throws IoError.
void check_result_folder(const std::filesystem::path&);
// What earlier outputs of one kind are known by: how they begin, and the mark that those without a beginning of their own carry
// soon after.
struct OutputKind {
  std::string_view head;
  bool marked = true;
};
inline constexpr OutputKind trace_output{"{\"otherData\""}, svg_output{"<svg"}, dot_output{"graph"},
    page_output{"<!DOCTYPE html>"}, sweep_table_output{"point,status", false},
    sweep_document_output{"{\n \"orrery\": \"", false};
constexpr OutputKind table_output(std::string_view first_columns) { return {first_columns, false}; }

// The same for one file, in a folder that is there: it must be new, empty or an earlier output of the same kind. And it must not
// be `input`.
void check_result_file(const std::filesystem::path&, const std::filesystem::path& input, const OutputKind&);

// UsageError where two of the files given (by options; empty: none) are one.
void check_different(std::initializer_list<std::string_view> files);

// Makes a folder for results, and its parents, unless it is there; whether it had to. Throws UsageError when something else is.
bool make_result_folder(const std::filesystem::path&);

// Whether two paths lead to the same file, there or not yet.
bool same_place(const std::filesystem::path&, const std::filesystem::path&);

// A result document as it is written: indented, with bytes that are no UTF-8 (of file names, arguments) replaced.
std::string document_text(const Json&);
// The same on one line: what worker processes hand over.
std::string line_text(const Json&);

// Lets a signal have an action unless whoever started the program ignores it (nohup, a shell's background jobs).
void handle_unless_ignored(int signal, const struct sigaction&);

// Ends the program on SIGINT and SIGTERM as said above, and keeps SIGPIPE from ending it without a word.
void install_signal_handlers();

}  // namespace orrery
