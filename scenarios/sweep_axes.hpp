// One axis of a sweep, checked: the values it takes, or a continuous range from which a sample draws. Whole numbers at both
// ends of a range make whole numbers all along (and step 1 where nothing else is said); a unit at the ends stays on every
// value. Numbers of a range are rounded to 12 digits, so that 0.1 + 0.2 is 0.3.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scenarios/sweep_spec.hpp"

namespace orrery {

struct Axis {
  std::string name, path;
  std::string pointer;               // into the sweep file
  std::vector<Json> values;          // empty: continuous
  std::function<Json(double)> draw;  // continuous: from [0, 1) to a value
  bool continuous() const { return values.empty(); }
};

// Axes that move together; one alone moves by itself.
struct AxisGroup {
  std::vector<Axis> axes;
  std::size_t size() const { return axes.front().values.size(); }
  bool continuous() const { return axes.front().continuous(); }
};

// Gathers all faults; groups are good when there are none.
std::vector<AxisGroup> make_axes(const SweepSpec&, const std::string& file, std::vector<Fault>& faults);

// A name that expressions can use: letters, digits and _, not first a digit, no word of the language.
bool is_name(const std::string&);

}  // namespace orrery
