#include "analysis/text_style.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace orrery {

std::string count_text(double value) {
  if (value == 0 || !std::isfinite(value)) return "-";
  constexpr std::string_view prefixes[] = {"", " k", " M", " G", " T", " P", " E"};
  std::size_t p = 0;
  // 999.5 would print as 1000: it belongs to the next prefix.
  while (std::abs(value) >= 999.5 && p + 1 < std::size(prefixes)) {
    value /= 1000;
    ++p;
  }
  if (std::abs(value) >= 999.5) return fmt::format("{:.3g}", value * 1e18);  // beyond the last prefix
  const double size = std::abs(value);
  const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  const bool whole = p == 0 && value == std::round(value);
  return fmt::format("{:.{}f}{}", value, whole ? 0 : decimals, prefixes[p]);
}

std::string percent_text(double fraction) {
  const double percent = fraction * 100;
  return fmt::format("{:.{}f} %", percent, std::abs(percent) >= 99.95 ? 0 : std::abs(percent) >= 9.995 ? 1 : 2);
}

std::string paint(std::string_view text, int code, bool colour) {
  return colour && code != 0 ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

std::string bar(std::span<const BarPart> parts, double full, int cells, bool colour) {
  std::string text;
  double sum = 0;
  int drawn = 0;
  for (const BarPart& part : parts) {
    sum += std::max(0.0, part.value);
    const int until = full > 0 ? static_cast<int>(std::lround(std::min(1.0, sum / full) * cells)) : 0;
    std::string piece;
    for (; drawn < until; ++drawn) piece += part.cell;
    if (!piece.empty()) text += paint(piece, part.colour, colour);
  }
  text.append(static_cast<std::size_t>(cells - drawn), ' ');
  return text;
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string wrapped(std::string_view bullet, std::string_view text) {
  std::string all, line(bullet);
  const std::string indent(columns(bullet), ' ');
  bool empty = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!empty && columns(line) + 1 + columns(word) > report_width) {
      all += line + "\n";
      line = indent;
      empty = true;
    }
    if (!empty) line += ' ';
    line += word;
    empty = false;
  }
  return all + line + "\n";
}

std::string fitted(std::string_view text, std::size_t width) {
  std::string result(text);
  if (columns(result) > width) {
    std::size_t kept = 0, bytes = 0;
    while (bytes < result.size()) {
      const bool starts = (static_cast<unsigned char>(result[bytes]) & 0xC0) != 0x80;
      if (starts && kept + 1 == width) break;
      kept += starts;
      ++bytes;
    }
    result = result.substr(0, bytes) + "…";
  }
  return result + std::string(width - columns(result), ' ');
}

}  // namespace orrery
