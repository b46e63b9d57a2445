// The units and prefixes that sim/unit_text.hpp reads and writes, as tables. A unit's value in base units (second, byte,
// FLOP, joule, degree, dollar) is `times` / `over`: both are exact doubles, so a conversion rounds at most twice.
#pragma once

#include <array>
#include <string_view>

#include "sim/unit_text.hpp"

namespace orrery {

enum class Prefixes { none, below_one, above_one, both, binary_too };

struct Prefix {
  std::string_view text;
  int ten = 0, two = 0;  // the factor is 10^ten * 2^two
  bool written = true;   // false: read, never written (another spelling)
};

struct Unit {
  Dimension dimension = Dimension::time;
  std::string_view text;
  double times = 1, over = 1;
  Prefixes prefixes = Prefixes::none;
  bool written = true;
};

inline constexpr std::array<Prefix, 21> prefixes = {{
    {"", 0, 0},
    {"k", 3, 0},
    {"K", 3, 0, false},
    {"M", 6, 0},
    {"G", 9, 0},
    {"T", 12, 0},
    {"P", 15, 0},
    {"E", 18, 0},
    {"Z", 21, 0},
    {"m", -3, 0},
    {"u", -6, 0},
    {"\u00b5", -6, 0, false},
    {"\u03bc", -6, 0, false},
    {"n", -9, 0},
    {"p", -12, 0},
    {"Ki", 0, 10},
    {"Mi", 0, 20},
    {"Gi", 0, 30},
    {"Ti", 0, 40},
    {"Pi", 0, 50},
    {"Ei", 0, 60},
}};

// The first unit of a dimension is the one numbers are written in, unless another that may be `written` is clearly shorter.
inline constexpr std::array<Unit, 31> units = {{
    {Dimension::time, "s", 1, 1, Prefixes::below_one},
    {Dimension::time, "min", 60, 1},
    {Dimension::time, "h", 3600, 1},
    {Dimension::time, "day", 86400, 1},
    {Dimension::time, "days", 86400, 1, Prefixes::none, false},
    {Dimension::time, "year", 365 * 86400.0, 1, Prefixes::none, false},
    {Dimension::time, "years", 365 * 86400.0, 1, Prefixes::none, false},
    {Dimension::data, "B", 1, 1, Prefixes::binary_too},
    {Dimension::data, "b", 1, 8, Prefixes::binary_too, false},
    {Dimension::work, "FLOP", 1, 1, Prefixes::above_one},
    {Dimension::work, "OP", 1, 1, Prefixes::above_one, false},
    {Dimension::energy, "J", 1, 1, Prefixes::both},
    {Dimension::energy, "Wh", 3600, 1, Prefixes::above_one, false},
    {Dimension::temperature, "C", 1, 1},
    {Dimension::temperature, "\u00b0C", 1, 1, Prefixes::none, false},
    {Dimension::money, "USD", 1, 1},
    {Dimension::frequency, "Hz", 1, 1, Prefixes::above_one},
    {Dimension::bandwidth, "B/s", 1, 1, Prefixes::binary_too},
    {Dimension::bandwidth, "b/s", 1, 8, Prefixes::binary_too},
    {Dimension::bandwidth, "bit/s", 1, 8, Prefixes::binary_too, false},
    {Dimension::work_rate, "FLOP/s", 1, 1, Prefixes::above_one},
    {Dimension::work_rate, "OP/s", 1, 1, Prefixes::above_one, false},
    {Dimension::power, "W", 1, 1, Prefixes::both},
    {Dimension::energy_per_byte, "J/B", 1, 1, Prefixes::below_one},
    {Dimension::energy_per_byte, "J/bit", 8, 1, Prefixes::below_one},
    {Dimension::energy_per_byte, "J/b", 8, 1, Prefixes::below_one, false},
    {Dimension::money_rate, "USD/s", 1, 1},
    {Dimension::money_rate, "USD/h", 1, 3600},
    {Dimension::money_per_energy, "USD/J", 1, 1},
    {Dimension::money_per_energy, "USD/kWh", 1, 3.6e6},
    {Dimension::money_per_energy, "USD/MWh", 1, 3.6e9, Prefixes::none, false},
}};

constexpr bool allowed(const Prefix& prefix, const Unit& unit) {
  if (prefix.text.empty()) return true;
  switch (unit.prefixes) {
    case Prefixes::none:
      return false;
    case Prefixes::below_one:
      return prefix.ten < 0;
    case Prefixes::above_one:
      return prefix.ten > 0;
    case Prefixes::both:
      return prefix.ten != 0;
    case Prefixes::binary_too:
      return prefix.ten > 0 || prefix.two > 0;
  }
  return false;
}

}  // namespace orrery
