#include "scenarios/text_table.hpp"

#include <algorithm>

#include "analysis/text_style.hpp"
#include "sim/error.hpp"

namespace orrery {

std::string TextTable::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    widths.push_back(orrery::columns(columns[c].heading));
    for (const auto& row : rows) {
      ORRERY_CHECK(row.size() == columns.size(), "a row of {} cells in a table of {}", row.size(), columns.size());
      widths[c] = std::max(widths[c], orrery::columns(row[c]));
    }
  }
  const auto line = [&](const auto& cell_of) {
    std::string text;
    for (std::size_t c = 0; c + 1 < columns.size(); ++c) {
      const std::string& cell = cell_of(c);
      const std::string gap(widths[c] - orrery::columns(cell), ' ');
      text += (columns[c].align == Align::right ? gap + cell : cell + gap) + "  ";
    }
    const std::string& last = cell_of(columns.size() - 1);
    if (last.empty()) return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
    const bool room = orrery::columns(text) <= report_width / 2;  // for a column of text
    return room ? wrapped(text, last) : text + last + "\n";
  };
  std::string all = line([&](std::size_t c) -> const std::string& { return columns[c].heading; });
  for (const auto& row : rows) all += line([&](std::size_t c) -> const std::string& { return row[c]; });
  for (const std::string& remark : remarks) all += wrapped("", remark);
  return all;
}

}  // namespace orrery
