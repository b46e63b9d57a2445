#include "scenarios/sweep_points.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <random>
#include <set>

#include <fmt/format.h>

#include "scenarios/sweep_axes.hpp"
#include "scenarios/sweep_expression.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

// What a results table calls its own columns.
const std::set<std::string> reserved = {"point",  "status",   "reason",  "scenario_sha256",
                                        "orrery", "scenario", "warnings"};

class Expander {
 public:
  Expander(const SweepSpec& spec, const std::string& file) : spec_(spec), file_(file) {
    groups_ = make_axes(spec, file, faults_);
    for (const AxisGroup& group : groups_)
      for (const Axis& axis : group.axes) result_.columns.push_back({axis.name, axis.path, axis.pointer});
    parse_derived();
    parse_filters();
    check_columns();
    if (!faults_.empty()) throw SpecError(faults_);
  }

  double combinations() const {
    double product = 1;
    for (const AxisGroup& group : groups_) product *= group.continuous() ? 1 : static_cast<double>(group.size());
    return product;
  }
  bool continuous() const {
    return std::any_of(groups_.begin(), groups_.end(), [](const AxisGroup& g) { return g.continuous(); });
  }

  SweepPoints take() {
    if (!spec_.sample)
      cross();
    else if (spec_.sample->method == SampleMethod::random)
      draw_random();
    else
      draw_latin_hypercube();
    if (result_.values.empty())
      throw SpecError(file_, "/where", "filters that leave at least one point",
                      fmt::format("none left of {}", considered_));
    if (result_.values.size() < considered_ && !spec_.where.empty())
      result_.notes.push_back(
          fmt::format("the filters keep {} of {} combinations", result_.values.size(), considered_));
    note_repeated_values();
    return std::move(result_);
  }

 private:
  void note_repeated_values() {
    for (const AxisGroup& group : groups_) {
      std::set<std::string> seen;
      for (std::size_t i = 0; i < group.size(); ++i) {
        Json values = Json::array();
        for (const Axis& axis : group.axes) values.push_back(axis.values[i]);
        const std::string text = values.size() == 1 ? values[0].dump() : values.dump();
        if (!seen.insert(text).second)
          result_.notes.push_back(fmt::format("{} has {} more than once: its points are simulated each time",
                                              group.axes.front().name, text));
      }
    }
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const SweepColumn& column : result_.columns) all.push_back(column.name);
    return all;
  }

  std::optional<Expression> parsed(const std::string& text, const std::string& pointer) {
    try {
      return Expression(text, names());
    } catch (const ExpressionError& error) {
      faults_.push_back({file_, pointer, "an expression over the axes", error.what()});
      return {};
    }
  }

  void parse_derived() {
    for (std::size_t i = 0; i < spec_.derived.size(); ++i) {
      const DerivedSpec& d = spec_.derived[i];
      const std::string pointer = fmt::format("/derived/{}", i);
      const std::string name = d.name.empty() ? d.path.substr(d.path.rfind('/') + 1) : d.name;
      if (!d.path.empty() && !d.path.starts_with('/'))
        faults_.push_back({file_, pointer + "/path", "a JSON pointer into the scenario", quote(d.path)});
      else if (!is_name(name))
        faults_.push_back({file_, pointer + "/name", "a name of letters, digits and _", quote(name)});
      if (auto expression = parsed(d.expression, pointer + "/expression")) derived_.push_back(std::move(*expression));
      result_.columns.push_back({name, d.path, pointer});
    }
  }

  void parse_filters() {
    for (std::size_t i = 0; i < spec_.where.size(); ++i)
      if (auto expression = parsed(spec_.where[i], fmt::format("/where/{}", i)))
        filters_.push_back(std::move(*expression));
  }

  void check_columns() {
    std::set<std::string> seen, paths;
    const std::set<std::string> metrics(spec_.metrics.begin(), spec_.metrics.end());
    for (const SweepColumn& c : result_.columns) {
      if (reserved.contains(c.name) || metrics.contains(c.name))
        faults_.push_back(
            {file_, c.pointer + "/name", "a name that no metric and no column of the results has", quote(c.name)});
      if (!seen.insert(c.name).second)
        faults_.push_back({file_, c.pointer + "/name", "a \"name\" of its own for every axis and derived value",
                           quote(c.name) + " a second time"});
      if (c.path.empty()) continue;
      for (const std::string& other : paths)
        if (other.starts_with(c.path + "/"))
          faults_.push_back({file_, c.pointer + "/path", "a path that does not set over what " + quote(other) + " sets",
                             quote(c.path)});
      if (!paths.insert(c.path).second)
        faults_.push_back({file_, c.pointer + "/path", "a path that nothing else sets", quote(c.path)});
    }
  }

  std::string describe(const std::vector<Json>& values) const {
    std::string text;
    for (std::size_t i = 0; i < values.size(); ++i)
      text += fmt::format("{}{} = {}", i ? ", " : "", result_.columns[i].name, values[i].dump());
    return text;
  }

  Json evaluate(const Expression& expression, const std::vector<Json>& values, const std::string& pointer) const {
    try {
      return expression(values);
    } catch (const ExpressionError& error) {
      throw SpecError(file_, pointer, "an expression with a value at every point",
                      fmt::format("{} at {}", error.what(), describe(values)));
    }
  }

  // Adds the point unless a filter refuses it. Filters that name no derived value come first: they may be what keeps a
  // derived value from being impossible.
  bool add(std::vector<Json> values) {
    const std::size_t axes = values.size();
    std::vector<bool> held(filters_.size(), false);
    for (std::size_t d = 0; d <= derived_.size(); ++d) {
      for (std::size_t f = 0; f < filters_.size(); ++f) {
        if (held[f] || filters_[f].names_used() > axes + d) continue;
        const Json truth = evaluate(filters_[f], values, fmt::format("/where/{}", f));
        if (!truth.is_boolean())
          throw SpecError(file_, fmt::format("/where/{}", f), "true or false at every point",
                          fmt::format("{} at {}", truth.dump(), describe(values)));
        if (!truth.get<bool>()) return false;
        held[f] = true;
      }
      if (d == derived_.size()) break;
      Json value = evaluate(derived_[d], values, fmt::format("/derived/{}/expression", d));
      const std::string& unit = spec_.derived[d].unit;
      if (!unit.empty() && value.is_number()) value = fmt::format("{} {}", value.get<double>(), unit);
      values.push_back(std::move(value));
    }
    result_.values.push_back(std::move(values));
    return true;
  }

  void cross() {
    std::vector<std::size_t> index(groups_.size(), 0);
    for (bool more = true; more;) {
      std::vector<Json> values;
      for (std::size_t g = 0; g < groups_.size(); ++g)
        for (const Axis& axis : groups_[g].axes) values.push_back(axis.values[index[g]]);
      add(std::move(values));
      ++considered_;
      more = false;
      for (std::size_t g = groups_.size(); g-- > 0 && !more;) {
        more = ++index[g] < groups_[g].size();
        if (!more) index[g] = 0;
      }
    }
  }

  // Uniform in [0, 1) with 53 bits.
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

  // One value per axis, for one u in [0, 1) per group.
  std::vector<Json> values_at(const std::vector<double>& u) const {
    std::vector<Json> values;
    for (std::size_t g = 0; g < groups_.size(); ++g)
      for (const Axis& axis : groups_[g].axes) {
        if (axis.continuous()) {
          values.push_back(axis.draw(u[g]));
          continue;
        }
        const auto index = static_cast<std::size_t>(u[g] * static_cast<double>(axis.values.size()));
        values.push_back(axis.values[std::min(index, axis.values.size() - 1)]);
      }
    return values;
  }

  void draw_random() {
    const auto wanted = static_cast<std::size_t>(spec_.sample->points);
    if (!continuous() && static_cast<double>(wanted) > combinations())
      throw SpecError(file_, "/sample/points",
                      fmt::format("at most the {:.0f} combinations that there are", combinations()),
                      fmt::format("{}", wanted));
    random_.seed(static_cast<std::uint64_t>(spec_.sample->seed));
    std::set<std::string> seen;
    const std::size_t most_draws = 100 * wanted + 10'000;
    std::size_t draws = 0;
    for (; draws < most_draws && result_.values.size() < wanted; ++draws) {
      std::vector<double> u;
      for (std::size_t g = 0; g < groups_.size(); ++g) u.push_back(uniform());
      std::vector<Json> values = values_at(u);
      if (!seen.insert(Json(values).dump()).second) continue;
      ++considered_;
      add(std::move(values));
    }
    if (result_.values.size() < wanted)
      result_.notes.push_back(
          fmt::format("{} draws found {} of the {} points wanted", draws, result_.values.size(), wanted));
  }

  void draw_latin_hypercube() {
    const auto wanted = static_cast<std::size_t>(spec_.sample->points);
    random_.seed(static_cast<std::uint64_t>(spec_.sample->seed));
    std::vector<std::vector<double>> u(wanted);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      std::vector<std::size_t> strata(wanted);
      std::iota(strata.begin(), strata.end(), std::size_t{0});
      for (std::size_t i = wanted; i > 1; --i)
        std::swap(strata[i - 1], strata[static_cast<std::size_t>(uniform() * static_cast<double>(i))]);
      for (std::size_t i = 0; i < wanted; ++i)
        u[i].push_back((static_cast<double>(strata[i]) + uniform()) / static_cast<double>(wanted));
    }
    for (const auto& each : u) {
      add(values_at(each));
      ++considered_;
    }
  }

  const SweepSpec& spec_;
  const std::string& file_;
  std::vector<Fault> faults_;
  std::vector<AxisGroup> groups_;
  std::vector<Expression> derived_, filters_;
  std::mt19937_64 random_;
  std::size_t considered_ = 0;
  SweepPoints result_;
};

}  // namespace

SweepPoints expand(const SweepSpec& spec, const std::string& file, double limit) {
  Expander expander(spec, file);
  const double count = spec.sample ? static_cast<double>(spec.sample->points) : expander.combinations();
  const char* where = spec.sample ? "/sample/points" : "/axes";
  if (count > highest_point_limit)
    throw SpecError(file, where,
                    fmt::format("at most {:.0f} points; a \"sample\" takes some of them", highest_point_limit),
                    fmt::format("{:.0f}", count));
  if (count > limit)
    throw SpecError(file, where, fmt::format("at most {:.0f} points; --yes or a higher \"limit\" allows more", limit),
                    fmt::format("{:.0f} points", count));
  return expander.take();
}

}  // namespace orrery
