#include "kernels/collectives/costs.hpp"

#include <algorithm>

#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr Range share{0, 1, true};

bool in_switch(std::string_view algorithm) { return algorithm.starts_with("nvls"); }
bool in_network(std::string_view algorithm) { return algorithm.ends_with("sharp"); }  // switches between nodes

}  // namespace

void fields(Fields& f, CollectiveFitRange& fit) {
  f.required("samples", fit.samples);
  f.required("median_error", fit.median_error, non_negative);
  f.required("p90_error", fit.p90_error, non_negative);
  f.required("smallest_bytes", fit.smallest, non_negative);
  f.required("largest_bytes", fit.largest, non_negative);
}

void fields(Fields& f, LinkParameters& row) {
  f("launch_us", row.launch_us, Need::optional, non_negative);
  f("scale", row.scale, Need::optional, non_negative);
  f("added_us", row.added_us, Need::optional, non_negative);
  f("efficiency", row.efficiency, Need::optional, share);
  f("pipeline", row.pipeline, Need::optional, non_negative);
  f("local_ps_per_byte", row.local_ps_per_byte, Need::optional, non_negative);
  f("tree_efficiency", row.tree_efficiency, Need::optional, share);
  f("in_switch_efficiency", row.in_switch_efficiency, Need::optional, share);
  f("in_switch_bytes", row.in_switch_bytes, Need::optional, positive);
}

void fields(Fields& f, LinkCosts& row) {
  f.required("link", row.link);
  f("over", row.over);
  fields(f, row.value);
  f("prior", row.prior);
  f("fit", row.fit);
  f("note", row.note);
}

void fields(Fields& f, StepParameters& row) {
  f("step_us", row.step_us, Need::optional, non_negative);
  f("efficiency", row.efficiency, Need::optional, share);
  f("launch", row.launch, Need::optional, non_negative);
}

void fields(Fields& f, StepCosts& row) {
  f.required("over", row.over);
  f.required("algorithm", row.algorithm);
  f("protocol", row.protocol);
  fields(f, row.value);
  f("prior", row.prior);
  f("note", row.note);
}

void fields(Fields& f, CollectiveCalibration& calibration) {
  f.required("name", calibration.name);
  f("title", calibration.title);
  f.required("links", calibration.links);
  f.required("steps", calibration.steps);
  f.raw("sources", calibration.sources, Need::required);
  for (const std::string_view level : {"scale-up", "host", "scale-out"}) {
    const LinkCosts* row = calibration.row(level);
    f.check(row && row->value.launch_us && row->value.scale && row->value.efficiency && row->value.pipeline, "links",
            "a row with launch_us, scale, efficiency and pipeline for the class " + std::string(level), "none");
  }
}

std::string link_family(std::string_view link) {
  return std::string(link.substr(0, std::min(link.find_first_of("0123456789-"), link.size())));
}

const LinkCosts* CollectiveCalibration::row(std::string_view link) const {
  const auto at = std::find_if(links.begin(), links.end(), [&](const LinkCosts& row) { return row.link == link; });
  return at == links.end() ? nullptr : &*at;
}

std::string CollectiveCalibration::class_of(const std::string& link, bool scale_up) const {
  for (const std::string& wanted : {link, link_family(link)})
    if (const LinkCosts* own = row(wanted); own && !own->over.empty()) return own->over;
  return scale_up ? "scale-up" : "scale-out";
}

std::optional<CollectiveCost> CollectiveCalibration::find(const std::string& link, bool scale_up,
                                                          std::string_view algorithm, std::string_view protocol) const {
  const std::string over = class_of(link, scale_up);
  const StepCosts* steps_of = nullptr;
  for (const std::string_view wanted :
       {algorithm, std::string_view(in_switch(algorithm) ? "nvls" : "ring"), std::string_view("ring")}) {
    bool known = false;
    for (const StepCosts& candidate : steps) {
      if (candidate.over != over || candidate.algorithm != wanted) continue;
      known = true;
      if (candidate.protocol == protocol) steps_of = &candidate;
    }
    if (known) break;
  }
  if (!steps_of) return std::nullopt;
  const LinkCosts* rows[] = {row(link), row(link_family(link)), row(over)};
  const auto first = [&](std::optional<double> LinkParameters::*parameter) -> std::optional<double> {
    for (const LinkCosts* candidate : rows)
      if (candidate && candidate->value.*parameter) return candidate->value.*parameter;
    return std::nullopt;
  };
  const StepParameters& step = steps_of->value;
  const bool adds = over == "scale-up" ? in_switch(algorithm) : over == "scale-out" && in_network(algorithm);
  const auto switched = adds ? first(&LinkParameters::in_switch_efficiency) : std::nullopt;
  CollectiveCost cost;
  cost.launch = Seconds(first(&LinkParameters::launch_us).value_or(0) * step.launch.value_or(1) * 1e-6);
  const double hop = first(&LinkParameters::scale).value_or(1) * step.step_us.value_or(0);
  cost.step = Seconds((hop + first(&LinkParameters::added_us).value_or(0)) * 1e-6);
  const bool relayed = algorithm != "message";  // a message goes one way over one hop and is not added to anything
  if (relayed) cost.pipeline = first(&LinkParameters::pipeline).value_or(0);
  if (relayed && !switched && over != "scale-out")
    cost.local = first(&LinkParameters::local_ps_per_byte).value_or(0) * 1e-12;
  cost.efficiency = switched.value_or(first(&LinkParameters::efficiency).value_or(1)) * step.efficiency.value_or(1);
  if (over == "scale-out" && in_network(algorithm)) cost.largest = first(&LinkParameters::in_switch_bytes).value_or(0);
  if (over == "scale-out" && algorithm == "tree" && protocol != "ll")
    cost.efficiency *= first(&LinkParameters::tree_efficiency).value_or(1);
  return cost;
}

const CollectiveCalibration& collective_calibration() {
  static const CollectiveCalibration calibration = load_part<CollectiveCalibration>(
      "kernels/calibration", "collectives", Library::installed());
  return calibration;
}

}  // namespace orrery
