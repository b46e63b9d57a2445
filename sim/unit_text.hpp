// Quantities as a datasheet prints them: "3.35 TB/s", "400 Gb/s", "80 GB", "192 KiB", "700 W", "1.41 GHz", "5 us".
// `b` is a bit and `B` a byte; decimal (p n u m, k M G T P E Z) and binary prefixes (Ki to Ei) are never confused.
// A number without a unit is a fault. Non-finite values and values past double range are faults.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sim/units.hpp"

namespace orrery {

// What a text may measure. Names as they appear in messages, e.g. "a bandwidth such as \"400 Gb/s\"".
enum class Dimension {
  time,
  data,
  work,
  energy,
  temperature,
  money,
  frequency,
  bandwidth,
  work_rate,
  power,
  energy_per_byte,
  money_rate,
  money_per_energy
};

template <class Q> struct DimensionOf;
template <> struct DimensionOf<Seconds> { static constexpr Dimension value = Dimension::time; };
template <> struct DimensionOf<Bytes> { static constexpr Dimension value = Dimension::data; };
template <> struct DimensionOf<Flops> { static constexpr Dimension value = Dimension::work; };
template <> struct DimensionOf<Joules> { static constexpr Dimension value = Dimension::energy; };
template <> struct DimensionOf<Celsius> { static constexpr Dimension value = Dimension::temperature; };
template <> struct DimensionOf<Dollars> { static constexpr Dimension value = Dimension::money; };
template <> struct DimensionOf<Hertz> { static constexpr Dimension value = Dimension::frequency; };
template <> struct DimensionOf<BytesPerSecond> { static constexpr Dimension value = Dimension::bandwidth; };
template <> struct DimensionOf<FlopsPerSecond> { static constexpr Dimension value = Dimension::work_rate; };
template <> struct DimensionOf<Watts> { static constexpr Dimension value = Dimension::power; };
template <> struct DimensionOf<JoulesPerByte> { static constexpr Dimension value = Dimension::energy_per_byte; };
template <> struct DimensionOf<DollarsPerSecond> { static constexpr Dimension value = Dimension::money_rate; };
template <> struct DimensionOf<DollarsPerJoule> { static constexpr Dimension value = Dimension::money_per_energy; };

// "a time such as \"5 us\"": what a reader expected.
std::string describe(Dimension);
// The value in base units, or nothing when `text` is not a quantity of that dimension.
std::optional<double> parse_quantity(std::string_view text, Dimension);
// The shortest text that parses back to exactly `value`, with a readable prefix.
std::string format_quantity(double value, Dimension);

// For people: three significant digits with a fitting prefix ("1.42 s", "80.0 GB").
std::string human(Seconds);
std::string human(Bytes);
std::string human(BytesPerSecond);
std::string human(FlopsPerSecond);
std::string human(Joules);
std::string human(Watts);

}  // namespace orrery
