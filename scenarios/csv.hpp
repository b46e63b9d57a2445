// Comma-separated values as RFC 4180 has them: cells that hold a separator, a quote or the end of a line stand in quotes, quotes
// inside are doubled. A cell that spans lines is written but not read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace orrery {

// One line split into cells.
std::vector<std::string> split_csv_line(std::string_view line, char separator = ',');
// Spreadsheets begin their UTF-8 with a mark: takes it from the first line.
void without_byte_order_mark(std::string& line);
// SpecError with the number of the line where it is not UTF-8.
void check_utf8(const std::string& line, const std::string& file, std::size_t number);
// A text as a cell.
std::string csv_cell(const std::string& text);

}  // namespace orrery
