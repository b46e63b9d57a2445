#include "scenarios/csv.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sim/error.hpp"
#include "sim/json.hpp"

namespace orrery {

namespace {

// `quoted`: at the end of `line` a cell in quotes goes on.
std::vector<std::string> split(std::string_view line, char separator, bool& quoted) {
  std::vector<std::string> cells(1);
  quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c != '"')
        cells.back() += c;
      else if (i + 1 < line.size() && line[i + 1] == '"')
        cells.back() += line[++i];
      else
        quoted = false;
    } else if (c == '"' && cells.back().empty()) {
      quoted = true;
    } else if (c == separator) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

bool is_decimal_comma(const std::string& cell) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::count(cell.begin(), cell.end(), ',') == 1 &&
         std::all_of(cell.begin(), cell.end(), [&](char c) { return is_digit(c) || c == ','; });
}

}  // namespace

std::vector<std::string> split_csv_line(std::string_view line, char separator) {
  bool quoted = false;
  return split(line, separator, quoted);
}

char csv_separator(std::string_view headings) {
  for (const char separator : {',', ';', '\t'})
    if (headings.find(separator) != std::string_view::npos) return separator;
  return ',';
}

std::string csv_value(const std::string& cell, char separator) {
  const std::size_t first = std::min(cell.find_first_not_of(' '), cell.size());
  std::string value = cell.substr(first, std::min(cell.find_last_not_of(' '), cell.size()) + 1 - first);
  if (separator == ';' && is_decimal_comma(value)) value[value.find(',')] = '.';
  return value;
}

bool CsvRecords::read_line(std::string& line) {
  if (!std::getline(in_, line)) return false;
  if (++lines_ == 1) without_byte_order_mark(line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  check_utf8(line, file_, lines_);
  return true;
}

std::optional<std::vector<std::string>> CsvRecords::next() {
  std::string record, more;
  do
    if (!read_line(record)) return std::nullopt;
  while (record.empty());
  begun_ = lines_;
  if (separator_ == '\0') separator_ = csv_separator(record);
  bool quoted = false;
  std::vector<std::string> cells = split(record, separator_, quoted);
  while (quoted) {
    if (!read_line(more))
      throw SpecError(file_, fmt::format("line {}", begun_), "a closing quote", "the end of the file");
    record += '\n' + more;
    if (more.find('"') != std::string::npos) cells = split(record, separator_, quoted);
  }
  for (std::string& cell : cells) cell = csv_value(cell, separator_);
  return cells;
}

void without_byte_order_mark(std::string& line) {
  if (constexpr std::string_view mark = "\xEF\xBB\xBF"; line.starts_with(mark)) line.erase(0, mark.size());
}

void check_utf8(const std::string& line, const std::string& file, std::size_t number) {
  try {
    (void)Json(line).dump();
  } catch (const Json::type_error&) {
    throw SpecError(file, fmt::format("line {}", number), "text in UTF-8", "another encoding (save it as CSV UTF-8)");
  }
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

}  // namespace orrery
