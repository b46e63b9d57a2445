#include "scenarios/csv.hpp"

#include <fmt/format.h>

#include "sim/error.hpp"
#include "sim/json.hpp"

namespace orrery {

std::vector<std::string> split_csv_line(std::string_view line, char separator) {
  std::vector<std::string> cells(1);
  bool quoted = false;
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
