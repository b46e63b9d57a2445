#include "scenarios/sweep_axes.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <regex>

#include <fmt/format.h>

#include "scenarios/sweep_quantity.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

constexpr double most_values = 1e6;

class AxisMaker {
 public:
  AxisMaker(bool sampled, const std::string& file, std::vector<Fault>& faults)
      : sampled_(sampled), file_(file), faults_(faults) {}

  Axis make(const AxisSpec& spec, const std::string& pointer) {
    Axis axis{spec.name, spec.path, pointer, {}, {}};
    if (axis.name.empty()) axis.name = spec.path.substr(spec.path.rfind('/') + 1);
    if (!spec.path.starts_with('/'))
      fault(pointer + "/path", "a JSON pointer into the scenario, such as /jobs/0/plan/tensor", quote(spec.path));
    else if (!is_name(axis.name))
      fault(pointer + "/name", "a name of letters, digits and _ for expressions and results", quote(axis.name));
    if (!spec.values.is_null())
      take_list(axis, spec);
    else if (!spec.from.is_null() && !spec.to.is_null())
      take_range(axis, spec);
    else
      fault(pointer, R"("values", or "from" and "to", or "zip")", "none of them");
    return axis;
  }

  void fault(const std::string& pointer, std::string expected, std::string found) {
    faults_.push_back({file_, pointer, std::move(expected), std::move(found)});
  }

 private:
  struct Ends {
    double from = 0, to = 0, step = 0;
    bool stepped = false, whole = false;
    std::string unit;
  };

  void take_list(Axis& axis, const AxisSpec& spec) {
    const bool range_too = !spec.from.is_null() || !spec.to.is_null() || !spec.step.is_null() || spec.points ||
                           spec.scale != AxisScale::linear;
    if (range_too) fault(axis.pointer, "either \"values\" or a range", "both");
    if (!spec.values.is_array())
      fault(axis.pointer + "/values", "a list", spec.values.dump().substr(0, 40));
    else if (spec.values.empty())
      fault(axis.pointer + "/values", "at least one value", "an empty list");
    else
      axis.values.assign(spec.values.begin(), spec.values.end());
  }

  // A number of the range in the unit of its start.
  double end(const Json& json, const std::string& pointer, const ReadQuantity* first, std::string* unit) {
    if (json.is_number() && !first) return json.get<double>();
    const auto quantity = json.is_string() ? read_quantity(json.get<std::string>()) : std::nullopt;
    if (quantity && unit) *unit = quantity->unit;
    if (quantity && !first && unit) return quantity->number;
    if (quantity && first && quantity->unit == first->unit) return quantity->number;
    if (quantity && first && quantity->dimension == first->dimension && first->number != 0)
      return quantity->base / (first->base / first->number);
    fault(pointer,
          first ? fmt::format("a quantity in {} like the start of the range", first->unit)
                : "a number, or a quantity such as \"100 Gb/s\" at both ends",
          json.dump().substr(0, 40));
    return 0;
  }

  Ends read_ends(const AxisSpec& spec, const std::string& pointer) {
    Ends ends;
    ends.from = end(spec.from, pointer + "/from", nullptr, &ends.unit);
    const auto first = spec.from.is_string() ? read_quantity(spec.from.get<std::string>()) : std::nullopt;
    ends.to = end(spec.to, pointer + "/to", first ? &*first : nullptr, nullptr);
    ends.whole = spec.from.is_number_integer() && spec.to.is_number_integer() &&
                 (spec.step.is_null() || spec.step.is_number_integer());
    ends.stepped = !spec.step.is_null();
    if (ends.stepped) ends.step = end(spec.step, pointer + "/step", first ? &*first : nullptr, nullptr);
    if (!ends.stepped && !spec.points && ends.whole && spec.scale == AxisScale::linear) {
      ends.stepped = true;
      ends.step = 1;
    }
    return ends;
  }

  void take_range(Axis& axis, const AxisSpec& spec) {
    const std::size_t faults_before = faults_.size();
    const Ends ends = read_ends(spec, axis.pointer);
    const bool log = spec.scale == AxisScale::log;
    if (faults_.size() > faults_before) return;
    if (ends.to < ends.from) fault(axis.pointer + "/to", "an end that is not below the start", spec.to.dump());
    if (!spec.step.is_null() && spec.points) fault(axis.pointer, "either \"step\" or \"points\"", "both");
    if (!spec.step.is_null() && log) fault(axis.pointer + "/step", "\"points\" for a range of scale \"log\"", "a step");
    if (ends.stepped && ends.step <= 0) fault(axis.pointer + "/step", "a step above 0", spec.step.dump());
    if (log && ends.from <= 0) fault(axis.pointer + "/from", "a start above 0 for scale \"log\"", spec.from.dump());
    if (!ends.stepped && !spec.points && !sampled_)
      fault(axis.pointer, "\"step\" or \"points\" (only a sample draws from a continuous range)", "neither");
    if (faults_.size() > faults_before) return;
    if (ends.stepped)
      take_steps(axis, ends);
    else if (spec.points)
      take_points(axis, ends, log, *spec.points);
    else
      axis.draw = [ends, log](double u) { return value(at(ends, log, u), ends); };
  }

  void take_steps(Axis& axis, const Ends& ends) {
    const double count = std::floor((ends.to - ends.from) / ends.step * (1 + 1e-12) + 1e-9) + 1;
    if (count > most_values) return fault(axis.pointer, "at most a million values", fmt::format("{:.0f}", count));
    for (int i = 0; i < static_cast<int>(count); ++i) axis.values.push_back(value(ends.from + i * ends.step, ends));
  }

  static void take_points(Axis& axis, const Ends& ends, bool log, std::int64_t points) {
    for (std::int64_t i = 0; i < points; ++i) {
      const double u = points == 1 ? 0 : static_cast<double>(i) / static_cast<double>(points - 1);
      Json next = value(at(ends, log, u), ends);
      if (axis.values.empty() || axis.values.back() != next) axis.values.push_back(std::move(next));
    }
  }

  static double at(const Ends& ends, bool log, double u) {
    if (u == 0 || u == 1) return u == 0 ? ends.from : ends.to;
    return log ? ends.from * std::pow(ends.to / ends.from, u) : ends.from + u * (ends.to - ends.from);
  }

  static Json value(double number, const Ends& ends) {
    if (ends.whole) return static_cast<std::int64_t>(std::llround(number));
    const std::string digits = fmt::format("{:.12g}", number);
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return ends.unit.empty() ? Json(number) : Json(fmt::format("{} {}", number, ends.unit));
  }

  bool sampled_;
  const std::string& file_;
  std::vector<Fault>& faults_;
};

AxisGroup make_zip(const AxisSpec& spec, const std::string& pointer, AxisMaker& maker) {
  AxisGroup group;
  const bool more = !spec.path.empty() || !spec.name.empty() || !spec.values.is_null() || !spec.from.is_null() ||
                    !spec.to.is_null() || !spec.step.is_null() || spec.points || spec.scale != AxisScale::linear;
  if (more) maker.fault(pointer, "nothing beside \"zip\"", "other keys");
  for (std::size_t i = 0; i < spec.zip.size(); ++i) {
    const std::string inner = fmt::format("{}/zip/{}", pointer, i);
    if (spec.zip[i].zip.empty())
      group.axes.push_back(maker.make(spec.zip[i], inner));
    else
      maker.fault(inner, "an axis", "a zip within a zip");
  }
  for (const Axis& axis : group.axes)
    if (axis.values.size() != group.size())
      maker.fault(axis.pointer, fmt::format("{} values, as {} zipped with it has", group.size(), group.axes[0].name),
                  fmt::format("{}", axis.values.size()));
  return group;
}

}  // namespace

bool is_name(const std::string& name) {
  static const std::regex form("[A-Za-z_][A-Za-z0-9_]{0,63}");
  static constexpr std::string_view words[] = {"and", "or", "not", "true", "false"};
  return std::regex_match(name, form) && std::find(std::begin(words), std::end(words), name) == std::end(words);
}

std::vector<AxisGroup> make_axes(const SweepSpec& spec, const std::string& file, std::vector<Fault>& faults) {
  std::vector<AxisGroup> groups;
  AxisMaker maker(spec.sample.has_value(), file, faults);
  for (std::size_t i = 0; i < spec.axes.size(); ++i) {
    const std::string pointer = fmt::format("/axes/{}", i);
    if (spec.axes[i].zip.empty())
      groups.push_back({{maker.make(spec.axes[i], pointer)}});
    else
      groups.push_back(make_zip(spec.axes[i], pointer, maker));
  }
  return groups;
}

}  // namespace orrery
