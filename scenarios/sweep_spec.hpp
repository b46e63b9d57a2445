// What a sweep file says (format "sweep/1"): a base scenario, the axes along which it is varied, values derived from the
// axes, filters, sampling, and the metrics to keep. docs/sweeps.md explains every key. Reading checks keys and types; what
// the axes amount to is sweep_points.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/spec.hpp"

namespace orrery {

enum class AxisScale { linear, log };
template <> struct EnumNames<AxisScale> { static constexpr std::array<std::string_view, 2> names = {"linear", "log"}; };
enum class SampleMethod { random, latin_hypercube };
template <> struct EnumNames<SampleMethod> {
  static constexpr std::array<std::string_view, 2> names = {"random", "latin-hypercube"};
};

struct AxisSpec {
  std::string name, path;  // name: how expressions and results call it; "" = the last part of the path
  Json values;             // a list, or
  Json from, to, step;     // a range of numbers or of quantities with units; both ends belong to it
  std::optional<std::int64_t> points;
  AxisScale scale = AxisScale::linear;
  std::vector<AxisSpec> zip;  // or axes that move together, and nothing else
};

struct DerivedSpec {
  std::string name, path;  // without a path it is only reported, and may be named in other expressions
  std::string expression;
  std::string unit;  // appended to a number: "GB/s"
};

struct SampleSpec {
  SampleMethod method = SampleMethod::random;
  std::int64_t points = 0;
  std::int64_t seed = 0;
};

struct SweepSpec {
  std::string format = "sweep/1";  // JSON key "orrery"
  std::string name, description;
  Json base;  // name or file of a scenario, or the scenario itself
  std::vector<AxisSpec> axes;
  std::vector<DerivedSpec> derived;
  std::vector<std::string> where;  // expressions that all must hold
  std::optional<SampleSpec> sample;
  std::vector<std::string> metrics;  // keys of "metrics" of a result, or JSON pointers into the result
  std::optional<std::int64_t> limit;
  Json sources;
};

void fields(Fields&, AxisSpec&);
void fields(Fields&, DerivedSpec&);
void fields(Fields&, SampleSpec&);
void fields(Fields&, SweepSpec&);

}  // namespace orrery
