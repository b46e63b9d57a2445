#include "sim/unit_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

#include "sim/unit_table.hpp"

namespace orrery {

namespace {

// A decimal number taken apart, so that the exponent of a prefix joins the text before it is rounded: "0.35 us" is then
// exactly the double nearest to 3.5e-7, which 0.35 * 1e-6 is not.
struct Decimal {
  std::string_view mantissa;  // with sign
  int exponent = 0;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes a decimal off the front of `text`; an E that no digits follow is left there (it is the prefix exa).
std::optional<Decimal> take_decimal(std::string_view& text) {
  std::size_t at = 0, digits = 0;
  if (at < text.size() && text[at] == '-') ++at;
  for (; at < text.size() && is_digit(text[at]); ++at) ++digits;
  if (at < text.size() && text[at] == '.')
    for (++at; at < text.size() && is_digit(text[at]); ++at) ++digits;
  if (digits == 0) return std::nullopt;
  Decimal number{text.substr(0, at), 0};
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    std::size_t first = at + 1;
    const bool plus = first < text.size() && text[first] == '+';
    const bool minus = first < text.size() && text[first] == '-';
    if (plus || minus) ++first;
    if (first < text.size() && is_digit(text[first])) {
      const char* from = text.data() + first - (minus ? 1 : 0);
      const auto [end, error] = std::from_chars(from, text.data() + text.size(), number.exponent);
      if (error != std::errc() || std::abs(number.exponent) > 100000) return std::nullopt;
      at = static_cast<std::size_t>(end - text.data());
    }
  }
  text.remove_prefix(at);
  return number;
}

std::optional<double> to_double(const Decimal& number, int extra_exponent) {
  const std::string text = std::string(number.mantissa) + "e" + std::to_string(number.exponent + extra_exponent);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> scaled(const Decimal& number, const Unit& unit, const Prefix& prefix) {
  std::optional<double> value = to_double(number, prefix.ten);
  if (!value) return std::nullopt;
  const double result = std::ldexp(*value, prefix.two) * unit.times / unit.over;
  return std::isfinite(result) ? std::optional(result) : std::nullopt;
}

}  // namespace

std::string describe(Dimension dimension) {
  switch (dimension) {
    case Dimension::time:
      return "a time such as \"5 us\"";
    case Dimension::data:
      return "a size such as \"80 GB\"";
    case Dimension::work:
      return "an amount of work such as \"2 TFLOP\"";
    case Dimension::energy:
      return "an energy such as \"50 J\"";
    case Dimension::temperature:
      return "a temperature such as \"85 C\"";
    case Dimension::money:
      return "an amount of money such as \"30000 USD\"";
    case Dimension::frequency:
      return "a frequency such as \"1.41 GHz\"";
    case Dimension::bandwidth:
      return "a bandwidth such as \"400 Gb/s\"";
    case Dimension::work_rate:
      return "a compute rate such as \"989 TFLOP/s\"";
    case Dimension::power:
      return "a power such as \"700 W\"";
    case Dimension::energy_per_byte:
      return "an energy per byte or bit such as \"10 pJ/bit\"";
    case Dimension::money_rate:
      return "a price per time such as \"2.5 USD/h\"";
    case Dimension::money_per_energy:
      return "an energy price such as \"0.08 USD/kWh\"";
  }
  return "a quantity";
}

std::optional<double> parse_quantity(std::string_view text, Dimension dimension) {
  const std::optional<Decimal> number = take_decimal(text);
  if (!number) return std::nullopt;
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  for (const Unit& unit : units) {
    if (unit.dimension != dimension || !text.ends_with(unit.text)) continue;
    const std::string_view head = text.substr(0, text.size() - unit.text.size());
    for (const Prefix& prefix : prefixes)
      if (prefix.text == head && allowed(prefix, unit)) return scaled(*number, unit, prefix);
  }
  return std::nullopt;
}

}  // namespace orrery
