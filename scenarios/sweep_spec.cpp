#include "scenarios/sweep_spec.hpp"

namespace orrery {

void fields(Fields& f, AxisSpec& a) {
  f("name", a.name);
  f("path", a.path);
  f.raw("values", a.values);
  f.raw("from", a.from);
  f.raw("to", a.to);
  f.raw("step", a.step);
  f("points", a.points, Need::optional, Range{1, 1e6});
  f("scale", a.scale);
  f("zip", a.zip);
}

void fields(Fields& f, DerivedSpec& d) {
  f("name", d.name);
  f("path", d.path);
  f.required("expression", d.expression);
  f("unit", d.unit);
}

void fields(Fields& f, SampleSpec& s) {
  f.required("method", s.method);
  f.required("points", s.points, Range{1, 1e6});
  f("seed", s.seed, Need::optional, non_negative);
}

void fields(Fields& f, SweepSpec& s) {
  f.required("orrery", s.format);
  f.check(s.format == "sweep/1", "orrery", "\"sweep/1\"", "\"" + s.format + "\"");
  f("name", s.name);
  f("description", s.description);
  f.raw("base", s.base, Need::required);
  f("axes", s.axes, Need::required);
  f.check(!s.axes.empty(), "axes", "at least one axis", "none");
  f("derived", s.derived);
  f("where", s.where);
  f("sample", s.sample);
  f("metrics", s.metrics);
  f("limit", s.limit, Need::optional, at_least_one);
  f.raw("sources", s.sources);
}

}  // namespace orrery
