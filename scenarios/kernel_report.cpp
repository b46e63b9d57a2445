#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analysis/svg_plot.hpp"
#include "analysis/text_style.hpp"
#include "scenarios/kernel_answer.hpp"
#include "scenarios/text_table.hpp"
#include "scenarios/version.hpp"

namespace orrery {

namespace {

std::string size_text(double value) { return fmt::format("{:.17g}", value); }

std::string sizes_text(const KernelAnswer& a, const std::string& leave_out) {
  std::string text;
  for (const auto& [name, value] : a.what.sizes)
    if (name != leave_out) text += (text.empty() ? "" : ", ") + name + " " + size_text(value);
  return text;
}

std::string heading(const KernelQuestion& question, const KernelAnswer& a, const DeviceModel& device) {
  const std::string sizes = sizes_text(a, question.swept);
  return fmt::format("{} in {} on {}{}{}\n", question.form->name, name(a.what.kernel.type), device.name,
                     sizes.empty() ? "" : ": ", sizes);
}

std::string band_text(const KernelAnswer& a) {
  if (!a.low_s || !a.high_s) return "";
  return fmt::format("  (90 % band {} to {})", human(Seconds(*a.low_s)), human(Seconds(*a.high_s)));
}

std::string roofline_text(const KernelAnswer& a) {
  if (!std::isfinite(a.roof_flops_per_s())) return "the data sheet states neither rate nor bandwidth";
  if (!(a.what.kernel.flops > 0)) return "no FLOPs: bandwidth is the only roof";
  std::string text = fmt::format("{:.4g} FLOP/B", a.intensity());
  if (a.peak_flops_per_s)
    text += fmt::format(", {} the ridge at {:.4g}",
                        a.intensity() < *a.peak_flops_per_s / a.memory_bytes_per_s ? "left of" : "right of",
                        *a.peak_flops_per_s / a.memory_bytes_per_s);
  return text + fmt::format("; {} of the roof of {}", percent_text(a.roof_share()),
                            human(FlopsPerSecond(a.roof_flops_per_s())));
}

std::string one_text(const KernelAnswer& a) {
  std::string text = "  time         " + human(Seconds(a.time_s)) + band_text(a) + "\n";
  if (a.what.kernel.flops > 0) {
    text += "  rate         " + human(FlopsPerSecond(a.flops_per_s()));
    if (a.peak_flops_per_s)
      text += fmt::format(", {} of {}", percent_text(a.flops_per_s() / *a.peak_flops_per_s),
                          human(FlopsPerSecond(*a.peak_flops_per_s)));
    text += "\n";
  }
  if (std::isfinite(a.memory_bytes_per_s))
    text += fmt::format("  memory       {}, {} of {}\n", human(BytesPerSecond(a.bytes_per_s())),
                        percent_text(a.bytes_per_s() / a.memory_bytes_per_s),
                        human(BytesPerSecond(a.memory_bytes_per_s)));
  text += fmt::format("  bound by     {}\n  roofline     {}\n", a.bound, roofline_text(a));
  if (a.energy_J)
    text += fmt::format("  energy       {} ({} dynamic), {} on average\n", human(Joules(*a.energy_J)),
                        human(Joules(a.dynamic_J)), human(Watts(*a.energy_J / a.time_s)));
  else
    text += fmt::format("  energy       {} dynamic; the power limit of the device is unknown\n",
                        human(Joules(a.dynamic_J)));
  return text +
         fmt::format("  calibration  {}{}\n", a.calibration,
                     a.calibrated                        ? ""
                     : a.calibration == "of this device" ? ": outside the kinds and sizes measured there"
                                                         : ": not measured on this device") +
         (a.unvalidated.empty() ? "" : "  unvalidated  " + a.unvalidated + "\n");
}

std::string sweep_table(const KernelQuestion& question, const std::vector<KernelAnswer>& answers) {
  TextTable table;
  table.columns = {{question.swept, Align::right}, {"time", Align::right},    {"90 % band", Align::right},
                   {"FLOP/s", Align::right},       {"of peak", Align::right}, {"B/s", Align::right},
                   {"of roof", Align::right},      {"energy", Align::right},  {"bound by"}};
  for (const KernelAnswer& a : answers) {
    const bool computes = a.what.kernel.flops > 0;
    table.rows.push_back({size_text(a.what.sizes.at(question.swept)), human(Seconds(a.time_s)),
                          a.low_s && a.high_s ? human(Seconds(*a.low_s)) + " .. " + human(Seconds(*a.high_s)) : "-",
                          computes ? human(FlopsPerSecond(a.flops_per_s())) : "-",
                          computes && a.peak_flops_per_s ? percent_text(a.flops_per_s() / *a.peak_flops_per_s) : "-",
                          human(BytesPerSecond(a.bytes_per_s())), percent_text(a.roof_share()),
                          a.energy_J ? human(Joules(*a.energy_J)) : "-", a.bound});
  }
  const bool all = std::all_of(answers.begin(), answers.end(), [](const KernelAnswer& a) { return a.calibrated; });
  table.remarks.push_back(fmt::format("Calibration: {}{}", answers.front().calibration,
                                      all ? ""
                                      : answers.front().calibration == "of this device"
                                          ? "; some or all rows outside the kinds and sizes measured there"
                                          : "; not measured on this device"));
  if (const std::string& reason = answers.front().unvalidated; !reason.empty())
    table.remarks.push_back("Unvalidated: " + reason);
  return table.text();
}

Json answer_json(const KernelAnswer& a) {
  const auto finite = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  const auto maybe = [](const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); };
  Json sizes = Json::object();
  for (const auto& [name, value] : a.what.sizes) {
    if (value == std::floor(value))
      sizes[name] = static_cast<std::int64_t>(value);
    else
      sizes[name] = value;
  }
  const bool computes = a.what.kernel.flops > 0;
  return {
      {"sizes", sizes},
      {"time_s", a.time_s},
      {"time_s_low", maybe(a.low_s)},
      {"time_s_high", maybe(a.high_s)},
      {"bound", a.bound},
      {"flops", a.what.kernel.flops},
      {"bytes", a.what.kernel.bytes},
      {"achieved_tflops", a.flops_per_s() / 1e12},
      {"achieved_GBs", a.bytes_per_s() / 1e9},
      {"peak_tflops", a.peak_flops_per_s ? Json(*a.peak_flops_per_s / 1e12) : Json(nullptr)},
      {"peak_GBs", finite(a.memory_bytes_per_s / 1e9)},
      {"intensity_flop_per_byte", a.intensity()},
      {"ridge_flop_per_byte", a.peak_flops_per_s ? Json(*a.peak_flops_per_s / a.memory_bytes_per_s) : Json(nullptr)},
      {"roof_tflops", computes ? finite(a.roof_flops_per_s() / 1e12) : Json(nullptr)},
      {"roof_share", a.roof_share()},
      {"dynamic_energy_J", a.dynamic_J},
      {"energy_J", maybe(a.energy_J)},
      {"average_power_W", a.energy_J ? Json(*a.energy_J / a.time_s) : Json(nullptr)},
      {"calibrated", a.calibrated},
      {"calibration", a.calibration},
      {"unvalidated", a.unvalidated.empty() ? Json(nullptr) : Json(a.unvalidated)}};
}

Plot sweep_plot(const KernelQuestion& question, const std::vector<KernelAnswer>& answers,
                const std::vector<PlotPoint>& measured) {
  // Steps are seen on a linear axis; markers and bands of so many points would hide them.
  constexpr std::size_t many = 100;
  const bool dense = answers.size() > many;
  const bool computes = answers.front().what.kernel.flops > 0;
  Plot plot;
  plot.x = {question.swept, dense ? AxisScale::linear : AxisScale::logarithmic, false};
  plot.y = {computes ? "rate (TFLOP/s)" : "rate (GB/s)", AxisScale::linear, true};
  PlotSeries reached{"predicted", {}, !dense, true, false}, roof{"roof of the data sheet", {}, false, true, true};
  for (const KernelAnswer& a : answers) {
    const double x = a.what.sizes.at(question.swept), scale = computes ? 1e-12 : 1e-9;
    const double work = scale * (computes ? a.what.kernel.flops : a.what.kernel.bytes);
    PlotPoint point{x, work / a.time_s, {}, {}, human(Seconds(a.time_s)) + ", bound by " + a.bound};
    if (a.low_s && a.high_s && *a.low_s > 0 && !dense) {
      point.low = work / *a.high_s;
      point.high = work / *a.low_s;
    }
    reached.points.push_back(point);
    roof.points.push_back({x, scale * (computes ? a.roof_flops_per_s() : a.memory_bytes_per_s), {}, {}, ""});
  }
  plot.series = {roof, reached};
  if (!measured.empty()) {
    plot.series.push_back({"measured", {}, true, false, false});
    for (const PlotPoint& point : measured)
      if (point.x >= reached.points.front().x && point.x <= reached.points.back().x)
        plot.series.back().points.push_back(point);
  }
  return plot;
}

Plot roofline_plot(const KernelAnswer& a) {
  Plot plot;
  plot.x = {"arithmetic intensity (FLOP/B)", AxisScale::logarithmic, false};
  plot.y = {"rate (TFLOP/s)", AxisScale::logarithmic, false};
  const double ridge = a.peak_flops_per_s ? *a.peak_flops_per_s / a.memory_bytes_per_s : a.intensity();
  const double low = std::min(ridge, a.intensity()) / 16, high = std::max(ridge, a.intensity()) * 16;
  PlotSeries roof{"roof of the data sheet", {}, false, true, true};
  for (const double x : {low, ridge, high}) {
    const double by_memory = x * a.memory_bytes_per_s;
    roof.points.push_back(
        {x, 1e-12 * (a.peak_flops_per_s ? std::min(by_memory, *a.peak_flops_per_s) : by_memory), {}, {}, ""});
  }
  const PlotPoint point{a.intensity(), a.flops_per_s() * 1e-12, {}, {}, human(Seconds(a.time_s))};
  plot.series = {roof, {"predicted", {point}, true, false, false}};
  return plot;
}

}  // namespace

std::string kernel_text(const KernelQuestion& question, const std::vector<KernelAnswer>& answers,
                        const DeviceModel& device) {
  const std::string head = heading(question, answers.front(), device);
  return question.swept.empty() ? head + one_text(answers.front()) : head + "\n" + sweep_table(question, answers);
}

Json kernel_json(const KernelQuestion& question, const std::vector<KernelAnswer>& answers, const DeviceModel& device) {
  Json rows = Json::array();
  for (const KernelAnswer& a : answers) rows.push_back(answer_json(a));
  return {{"orrery", version()},
          {"accelerator", device.name},
          {"kernel", question.form->name},
          {"precision", name(answers.front().what.kernel.type)},
          {"conditions", question.conditions == Conditions::isolated ? "isolated" : "sustained"},
          {"swept", question.swept.empty() ? Json(nullptr) : Json(question.swept)},
          {"rows", rows}};
}

std::string kernel_svg(const KernelQuestion& question, const std::vector<KernelAnswer>& answers,
                       const DeviceModel& device, const std::vector<PlotPoint>& measured) {
  Plot plot = question.swept.empty() ? roofline_plot(answers.front()) : sweep_plot(question, answers, measured);
  plot.title = fmt::format("{} in {} on {}", question.form->name, name(answers.front().what.kernel.type), device.name);
  plot.subtitle = sizes_text(answers.front(), question.swept);
  return svg_plot(plot);
}

}  // namespace orrery
