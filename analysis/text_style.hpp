// Small pieces of terminal output: rounded numbers, bars of block characters, wrapped lines, optional ANSI colours.
// A bar of n cells is always n columns wide; its parts are rounded by their running sum, so they never overflow it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

inline constexpr int report_width = 100;

// "46.1 k", "721", "1.20 M": three significant digits with a decimal prefix. "-" for zero.
std::string count_text(double);
// "43.2 %"
std::string percent_text(double fraction);

struct BarPart {
  double value = 0;
  std::string_view cell;  // one column
  int colour = 0;         // ANSI foreground code, 0 = none
};
std::string bar(std::span<const BarPart> parts, double full, int cells, bool colour);

std::string paint(std::string_view text, int code, bool colour);
// Words of `text` on lines of at most report_width columns; the first starts with `bullet`, the rest is indented alike.
std::string wrapped(std::string_view bullet, std::string_view text);
// Columns of a UTF-8 text, one per code point.
std::size_t columns(std::string_view text);
// Cut to `width` columns, with an ellipsis when something was cut; then padded to it.
std::string fitted(std::string_view text, std::size_t width);

}  // namespace orrery
