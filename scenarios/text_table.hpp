// A plain table for the terminal: columns as wide as their widest cell, numbers to the right, two spaces between columns.
// The last column is text: not padded, and wrapped where at least half of the line is left for it.
#pragma once

#include <string>
#include <vector>

namespace orrery {

enum class Align { left, right };

struct TextTable {
  struct Column {
    std::string heading;
    Align align = Align::left;
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> remarks;  // below the table, one line each

  std::string text() const;
};

}  // namespace orrery
