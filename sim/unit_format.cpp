#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "sim/error.hpp"
#include "sim/unit_table.hpp"
#include "sim/unit_text.hpp"

namespace orrery {

namespace {

// The shortest digits that identify a double: value = d1.d2d3... * 10^exponent.
struct Digits {
  std::string digits;
  int exponent = 0;
};

Digits shortest_digits(double magnitude) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude,
                                 std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t e = text.find('e');
  Digits result;
  for (const char c : text.substr(0, e))
    if (c != '.') result.digits += c;
  const std::string_view exponent = text.substr(e + (text[e + 1] == '+' ? 2 : 1));
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), result.exponent);
  return result;
}

// Digits with the decimal point after the first `exponent` + 1 of them.
std::string laid_out(const std::string& digits, int exponent) {
  if (exponent < -5 || exponent > 15) {
    const std::string rest = digits.size() > 1 ? "." + digits.substr(1) : "";
    return fmt::format("{}{}e{}", digits[0], rest, exponent);
  }
  if (exponent < 0) return "0." + std::string(static_cast<std::size_t>(-exponent) - 1, '0') + digits;
  const std::size_t point = static_cast<std::size_t>(exponent) + 1;
  if (point >= digits.size()) return digits + std::string(point - digits.size(), '0');
  return digits.substr(0, point) + "." + digits.substr(point);
}

// In a unit of decimal scale: only the decimal point moves, so the text parses back to the same bits by construction.
std::string in_base_unit(double magnitude, const Unit& unit) {
  const Digits number = shortest_digits(magnitude);
  const Prefix* best = &prefixes.front();
  for (const Prefix& prefix : prefixes) {
    if (!prefix.written || prefix.two != 0 || magnitude == 0 || !allowed(prefix, unit)) continue;
    const bool fits = prefix.ten <= number.exponent;
    const bool best_fits = best->ten <= number.exponent;
    if (fits ? (!best_fits || prefix.ten > best->ten) : (!best_fits && prefix.ten < best->ten)) best = &prefix;
  }
  const int shift = number.exponent - best->ten;
  if (shift < -5 || (shift > 5 && best->ten > 0))
    best = &prefixes.front();  // beyond all prefixes a power of ten reads better alone
  return fmt::format("{} {}{}", laid_out(number.digits, number.exponent - best->ten), best->text, unit.text);
}

// In a unit whose scale is no power of ten: the fewest digits that parse back to `magnitude`, if any do.
std::optional<std::string> in_other_unit(double magnitude, const Unit& unit, const Prefix& prefix) {
  const double x = magnitude / (std::ldexp(std::pow(10.0, prefix.ten), prefix.two) * unit.times / unit.over);
  if (!(x >= 0.01 && x < 1024)) return std::nullopt;
  for (int precision = 1; precision <= 17; ++precision) {
    const std::string text = fmt::format("{:.{}g} {}{}", x, precision, prefix.text, unit.text);
    if (text.find("e+") == std::string::npos && parse_quantity(text, unit.dimension) == magnitude) return text;
  }
  return std::nullopt;
}

}  // namespace

std::string format_quantity(double value, Dimension dimension) {
  ORRERY_CHECK(std::isfinite(value), "a quantity to be written is {}", value);
  const double magnitude = std::fabs(value);
  std::string best;
  for (const Unit& unit : units) {
    if (unit.dimension != dimension || !unit.written) continue;
    const bool first = best.empty();
    if (first) best = in_base_unit(magnitude, unit);
    for (const Prefix& prefix : prefixes) {
      if (!prefix.written || !allowed(prefix, unit)) continue;
      if (first && prefix.two == 0) continue;
      const auto text = in_other_unit(magnitude, unit, prefix);
      if (text && text->size() + 1 < best.size()) best = *text;  // two characters shorter is worth another unit
    }
  }
  return (std::signbit(value) ? "-" : "") + best;
}

// ---- for people ---------------------------------------------------------------------------------------------------

namespace {

std::string three_digits(double x) {
  const double magnitude = std::fabs(x);
  if (magnitude < 9.995) return fmt::format("{:.2f}", x);
  if (magnitude < 99.95) return fmt::format("{:.1f}", x);
  return fmt::format("{:.0f}", x);
}

std::string with_prefix(double value, std::string_view unit, int lowest, int highest) {
  if (value == 0) return fmt::format("0 {}", unit);
  constexpr std::array<std::string_view, 11> names = {"p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  int step = lowest;
  while (step < highest && std::fabs(value) / std::pow(10.0, 3 * step) >= 999.5) ++step;
  return fmt::format("{} {}{}", three_digits(value / std::pow(10.0, 3 * step)),
                     names[static_cast<std::size_t>(std::ptrdiff_t{step} + 4)], unit);
}

}  // namespace

std::string human(Seconds t) {
  const double magnitude = std::fabs(t.value);
  if (magnitude < 119.95) return with_prefix(t.value, "s", -4, 0);
  if (magnitude < 2 * 3600) return three_digits(t.value / 60) + " min";
  if (magnitude < 2 * 86400) return three_digits(t.value / 3600) + " h";
  return three_digits(t.value / 86400) + " days";
}
std::string human(Bytes b) { return with_prefix(b.value, "B", 0, 6); }
std::string human(BytesPerSecond r) { return with_prefix(r.value, "B/s", 0, 6); }
std::string human(FlopsPerSecond r) { return with_prefix(r.value, "FLOP/s", 0, 6); }
std::string human(Joules e) { return with_prefix(e.value, "J", -4, 6); }
std::string human(Watts p) { return with_prefix(p.value, "W", -3, 6); }

}  // namespace orrery
