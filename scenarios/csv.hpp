// Comma-separated values as RFC 4180 has them: cells that hold a separator, a quote or the end of a line stand in quotes, quotes
// inside are doubled. Tables of spreadsheets may be separated by semicolons or tabs.
#pragma once

#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

// One line split into cells.
std::vector<std::string> split_csv_line(std::string_view line, char separator = ',');
// That of a table, by its headings: spreadsheets whose numbers have a decimal comma write semicolons, others tabs.
char csv_separator(std::string_view headings);
// A cell without the blanks around it; beside semicolons, with the decimal point that its number may have for a comma.
std::string csv_value(const std::string& cell, char separator);
// Spreadsheets begin their UTF-8 with a mark: takes it from the first line.
void without_byte_order_mark(std::string& line);
// SpecError with the number of the line where it is not UTF-8.
void check_utf8(const std::string& line, const std::string& file, std::size_t number);

// A table's records one after the other, headings first, each as its values; a cell in quotes may span lines, empty lines
// are passed over.
class CsvRecords {
 public:
  CsvRecords(std::istream& in, std::string file) : in_(in), file_(std::move(file)) {}
  std::optional<std::vector<std::string>> next();
  std::size_t line() const { return begun_; }  // where the last record begins

 private:
  bool read_line(std::string& line);

  std::istream& in_;
  std::string file_;
  std::size_t lines_ = 0, begun_ = 0;
  char separator_ = '\0';  // not known before the headings
};

// A text as a cell.
std::string csv_cell(const std::string& text);

}  // namespace orrery
