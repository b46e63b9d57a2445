#include "scenarios/measured.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fstream>
#include <set>

#include "scenarios/csv.hpp"
#include "scenarios/lower_case.hpp"
#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 5> kinds = {"training", "collective", "kernel", "power", "reliability"};
constexpr std::string_view format_family = "orrery/measured/";
constexpr double largest_exact_integer = 9007199254740992.0;

std::string found_text(const Json& value) {
  std::string text = value.dump();
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

[[noreturn]] void wrong_type(const MeasuredRow& row, std::string_view path, std::string_view expected,
                             const Json& value) {
  throw CannotSimulate(
      fmt::format("faulty row: at {}/{}: expected {}, found {}", row.pointer, path, expected, found_text(value)));
}

}  // namespace

const Json* MeasuredRow::at(std::string_view path) const {
  const Json* value = &run;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string key(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (!value->is_object()) return nullptr;
    const auto it = value->find(key);
    if (it == value->end() || it->is_null()) return nullptr;
    value = &*it;
  }
  return value;
}

std::optional<double> MeasuredRow::number(std::string_view path) const {
  const Json* value = at(path);
  if (!value) return std::nullopt;
  if (!value->is_number()) wrong_type(*this, path, "a number", *value);
  return value->get<double>();
}

std::optional<std::int64_t> MeasuredRow::integer(std::string_view path) const {
  const auto value = number(path);
  if (!value) return std::nullopt;
  if (std::abs(*value) > largest_exact_integer || *value != std::floor(*value))
    wrong_type(*this, path, "an integer", *at(path));
  return static_cast<std::int64_t>(*value);
}

std::optional<std::string> MeasuredRow::text(std::string_view path) const {
  const Json* value = at(path);
  if (!value) return std::nullopt;
  if (!value->is_string()) wrong_type(*this, path, "a text", *value);
  return value->get<std::string>();
}

std::optional<bool> MeasuredRow::flag(std::string_view path) const {
  const Json* value = at(path);
  if (!value) return std::nullopt;
  if (*value == 0 || *value == 1) return *value == 1;
  if (*value == "yes" || *value == "no") return *value == "yes";
  if (!value->is_boolean()) wrong_type(*this, path, "true or false", *value);
  return value->get<bool>();
}

std::string MeasuredRow::word(std::string_view path) const {
  const Json* value = at(path);
  return value && value->is_boolean() ? value->dump() : lower_case(text(path).value_or(""));
}

std::optional<double> MeasuredRow::figure(std::string_view key) const {
  const auto nested = number("measured/" + std::string(key));
  return nested ? nested : number(key);
}

namespace {

template <class T> T need(std::optional<T> value, std::string_view path) {
  if (!value) throw CannotSimulate(fmt::format("{} is not stated", path));
  return *value;
}

}  // namespace

double MeasuredRow::need_number(std::string_view path) const { return need(number(path), path); }
std::int64_t MeasuredRow::need_integer(std::string_view path) const { return need(integer(path), path); }
std::string MeasuredRow::need_text(std::string_view path) const { return need(text(path), path); }

std::vector<fs::path> measured_files(const std::vector<std::string>& arguments) {
  std::vector<fs::path> files;
  std::set<fs::path> seen;
  const auto add = [&](const fs::path& file) {
    std::error_code error;
    const fs::path same = fs::weakly_canonical(file, error);
    if (seen.insert(error ? file : same).second) files.push_back(file);
  };
  for (const std::string& argument : arguments) {
    std::error_code error;
    if (!fs::is_directory(argument, error)) {
      add(argument);
      continue;
    }
    std::vector<fs::path> inside;
    for (fs::recursive_directory_iterator it(argument, error), end; !error && it != end; it.increment(error))
      if (it->path().extension() == ".json" && it->is_regular_file()) inside.push_back(it->path());
    if (error) throw IoError(fmt::format("cannot read folder {}: {}", argument, error.message()));
    if (inside.empty()) throw SpecError(argument, "", "a folder with measured-run files (*.json)", "none");
    std::sort(inside.begin(), inside.end());
    for (const fs::path& file : inside) add(file);
  }
  return files;
}

namespace {

// What tables write for unknown. "none" is a value of some columns: nothing is recomputed or offloaded.
bool says_nothing(const std::string& cell, std::string_view heading) {
  constexpr std::array<std::string_view, 7> marks = {"", "-", "null", "na", "n/a", "nan", "none"};
  const std::string small = lower_case(cell);
  const bool none = small == "none" && (heading == "recompute" || heading == "offload");
  return !none && std::find(marks.begin(), marks.end(), small) != marks.end();
}

// A cell that is wholly a finite number is one, as true and false are in any case of letters.
Json cell_value(const std::string& text) {
  const std::string small = lower_case(text);
  if (small == "true" || small == "yes") return true;
  if (small == "false" || small == "no") return false;
  const std::string cell = text.starts_with('+') ? text.substr(1) : text;
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error == std::errc() && end == cell.data() + cell.size() && std::isfinite(value)) {
    if (value == std::floor(value) && std::abs(value) < largest_exact_integer) return static_cast<std::int64_t>(value);
    return value;
  }
  return text;
}

// "model/layers" of a header is "layers" inside "model", as in the rows of a JSON file.
void set_nested(Json& row, std::string_view path, Json value) {
  Json* place = &row;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
    place = &(*place)[std::string(path.substr(0, slash))];
    path.remove_prefix(slash + 1);
  }
  (*place)[std::string(path)] = std::move(value);
}

// No heading twice, and none that is both a value and a level of others.
void check_header(const std::vector<std::string>& header, const fs::path& file) {
  std::set<std::string> names;
  for (const std::string& name : header)
    if (!names.insert(name).second)
      throw SpecError(file.string(), "line 1", "different headings", quote(name) + " twice");
  for (const std::string& name : header)
    for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
      if (slash == 0 || slash + 1 == name.size() || name[slash + 1] == '/' || names.count(name.substr(0, slash)) > 0)
        throw SpecError(file.string(), "line 1", "headings like model/layers, none of which is a level of another",
                        quote(name));
}

std::vector<Json> read_csv(const fs::path& file, const fs::path& named_in) {
  std::ifstream in(file);
  if (!in) throw SpecError(named_in.string(), "/data_file", "a readable file beside it", "no " + file.string());
  CsvRecords records(in, file.string());
  const auto first = records.next();
  if (!first) throw SpecError(file.string(), "", "a header line", "an empty file");
  const std::vector<std::string>& header = *first;
  check_header(header, file);
  std::vector<Json> rows;
  while (const auto record = records.next()) {
    const std::vector<std::string>& cells = *record;
    const std::size_t number = records.line();
    if (std::all_of(cells.begin(), cells.end(), [](const std::string& cell) { return cell.empty(); })) continue;
    if (cells.size() != header.size())
      throw SpecError(file.string(), fmt::format("line {}", number), fmt::format("{} cells", header.size()),
                      fmt::format("{}", cells.size()));
    Json row = Json::object();
    for (std::size_t i = 0; i < cells.size(); ++i)  // where a cell says nothing, what the file states of all rows stays
      if (!says_nothing(cells[i], header[i])) set_nested(row, header[i], cell_value(cells[i]));
    rows.push_back(std::move(row));
  }
  return rows;
}

// The head of a file: one clear fault when it is something else.
std::string read_kind(const Json& document, const std::string& name) {
  if (!document.is_object() || !document.contains("format") || !document["format"].is_string())
    throw SpecError(name, "/format", "a file of measured runs: \"orrery/measured/1\"",
                    document.is_object() && document.contains("format") ? found_text(document["format"]) : "none");
  const std::string format = document["format"].get<std::string>();
  if (format != "orrery/measured/1") {
    const bool newer = format.starts_with(format_family);
    throw SpecError(name, "/format",
                    newer ? "\"orrery/measured/1\", the version that this build reads" : "\"orrery/measured/1\"",
                    quote(format));
  }
  const std::string kind = document.contains("kind") && document["kind"].is_string()
                               ? document["kind"].get<std::string>()
                               : "";
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
    throw SpecError(name, "/kind", fmt::format("one of {}", fmt::join(kinds, ", ")),
                    document.contains("kind") ? found_text(document["kind"]) : "none");
  return kind;
}

std::string optional_text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// A, A-, B or C in either case; "" = ungraded. Another grade might count or not: the row says what was found instead.
void read_grade(MeasuredRow& row, const Json& run) {
  const auto stated = run.find("grade");
  if (stated == run.end() || stated->is_null()) return;
  if (stated->is_string()) row.grade = stated->get<std::string>();
  for (char& c : row.grade)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  constexpr std::array<std::string_view, 6> grades = {"", "A", "A-", "B", "B-", "C"};
  if (stated->is_string() && std::find(grades.begin(), grades.end(), row.grade) != grades.end()) return;
  row.grade.clear();
  row.exclude = fmt::format("faulty row: at {}/grade: expected A, A-, B or C, found {}", row.pointer,
                            found_text(*stated));
}

// A network that is only named is that of its ports.
void spell_out(Json& cluster) {
  if (const auto out = cluster.find("scale_out"); out != cluster.end() && out->is_string()) *out = {{"link", *out}};
}

// Level by level: a row that states only its ports keeps the file's link.
void write_over(Json& base, const Json& more) {
  for (const auto& [key, value] : more.items())
    if (value.is_object() && base.contains(key) && base[key].is_object())
      write_over(base[key], value);
    else
      base[key] = value;
}

MeasuredRow make_row(const MeasuredFile& file, const Json& cluster, Json run, std::size_t index, bool from_csv) {
  MeasuredRow row;
  row.kind = file.kind;
  row.source = file.source;
  row.file = file.file.string();
  row.pointer = from_csv ? fmt::format("row {}", index) : fmt::format("/runs/{}", index);
  row.id = optional_text(run, "id");
  if (const auto id = run.find("id"); from_csv && id != run.end() && id->is_number()) row.id = id->dump();
  if (row.id.empty()) {
    if (!from_csv) throw SpecError(row.file, row.pointer + "/id", "a text that names the row", "none");
    row.id = fmt::format("{}-{}", file.file.stem().string(), index);
  }
  read_grade(row, run);
  const auto exclude = run.find("exclude");
  if (exclude != run.end() && exclude->is_string() && row.exclude.empty()) {
    row.exclude = exclude->get<std::string>();
    if (row.exclude.starts_with("exclude: ")) row.exclude.erase(0, 9);
  } else if (exclude != run.end() && (*exclude == true || *exclude == 1) && row.exclude.empty()) {
    row.exclude = "no reason given";
  }
  row.run = std::move(run);
  Json merged = cluster.is_object() ? cluster : Json::object();
  spell_out(merged);
  if (row.run.contains("cluster") && row.run["cluster"].is_object()) {
    spell_out(row.run["cluster"]);
    write_over(merged, row.run["cluster"]);
  }
  row.run["cluster"] = std::move(merged);
  return row;
}

}  // namespace

MeasuredFile read_measured(const fs::path& path) {
  const Json document = read_json(path);
  MeasuredFile file;
  file.file = path;
  file.kind = read_kind(document, path.string());
  file.source = file.kind + "/" + path.stem().string();
  if (document.contains("source") && document["source"].is_object())
    file.title = optional_text(document["source"], "title");
  const Json cluster = document.value("cluster", Json::object());
  std::vector<Json> runs;
  const std::string data_file = optional_text(document, "data_file");
  if (!data_file.empty()) {
    if (data_file.find('/') != std::string::npos || data_file.front() == '.')
      throw SpecError(path.string(), "/data_file", "the name of a file beside this one", quote(data_file));
    runs = read_csv(path.parent_path() / data_file, path);
    const auto rows = document.find("rows");
    if (rows != document.end() && rows->is_number() && rows->get<double>() != static_cast<double>(runs.size()))
      throw SpecError(path.string(), "/rows", fmt::format("the number of rows of {} ({})", data_file, runs.size()),
                      found_text(*rows));
  } else {
    if (!document.contains("runs") || !document["runs"].is_array())
      throw SpecError(path.string(), "/runs", "a list of runs",
                      document.contains("runs") ? found_text(document["runs"]) : "none");
    runs = document["runs"].get<std::vector<Json>>();
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (!runs[i].is_object())
      throw SpecError(path.string(), fmt::format("/runs/{}", i), "an object", found_text(runs[i]));
    file.rows.push_back(make_row(file, cluster, std::move(runs[i]), i, !data_file.empty()));
  }
  return file;
}

}  // namespace orrery
