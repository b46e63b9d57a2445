// Measured runs (format "orrery/measured/1"): what real clusters, kernels and networks did, one JSON file per source and
// cluster, rows in `runs` or in a CSV beside it (`data_file`, whose heading "model/layers" is "layers" of "model"). The format
// grows: keys that nobody asks for are ignored, but a value that is asked for has the right type or its row says what was found
// instead. null means unknown. A file that is truncated, no JSON, or of another format is one SpecError.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sim/json.hpp"

namespace orrery {

// Why a row has no prediction: a result, not a failure.
class CannotSimulate : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct MeasuredRow {
  std::string id;
  std::string kind;           // training, collective, kernel, power, reliability
  std::string source;         // "training/file-stem"
  std::string grade;          // "" = ungraded
  std::string exclude;        // the source's or our reason not to use it; "" = use it
  std::string file, pointer;  // where it was read, for messages
  Json run;                   // as read, with the file's cluster as "cluster" (the row's own keys win)

  // The value at `path` ("model/layers"); nothing when absent or null. CannotSimulate when it has another type.
  std::optional<double> number(std::string_view path) const;
  std::optional<std::int64_t> integer(std::string_view path) const;
  std::optional<std::string> text(std::string_view path) const;
  std::optional<bool> flag(std::string_view path) const;  // also 1, 0, "yes", "no"
  std::string word(std::string_view path) const;  // a text in lower case, or a truth: "true", "false"; "" = none
  // What was measured: "measured/KEY", or beside the sizes, as a CSV has it.
  std::optional<double> figure(std::string_view key) const;
  bool has(std::string_view path) const { return at(path) != nullptr; }
  const Json* at(std::string_view path) const;  // null when absent or null
  // CannotSimulate("model/layers is not stated") when there is none.
  double need_number(std::string_view path) const;
  std::int64_t need_integer(std::string_view path) const;
  std::string need_text(std::string_view path) const;
};

struct MeasuredFile {
  std::filesystem::path file;
  std::string kind, source, title;
  std::vector<MeasuredRow> rows;
};

// Files as given; a folder stands for all *.json below it, sorted. A file named twice is read once.
std::vector<std::filesystem::path> measured_files(const std::vector<std::string>& files_and_folders);
MeasuredFile read_measured(const std::filesystem::path&);

}  // namespace orrery
