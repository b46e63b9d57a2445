// A quantity with a unit, of whatever dimension the unit says: the ends of a range ("100 Gb/s") and values in expressions.
// No unit we read measures two different things, so the unit alone decides.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sim/unit_text.hpp"

namespace orrery {

struct ReadQuantity {
  double number = 0;  // as written, 100 of "100 Gb/s"
  std::string unit;   // "Gb/s"
  double base = 0;    // in base units: 12.5e9
  Dimension dimension = Dimension::time;
};

// Nothing where `text` is not a number and a unit we know.
std::optional<ReadQuantity> read_quantity(std::string_view text);

}  // namespace orrery
