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
    if (name != leave_out)
      text += (text.empty() ? "" : ", ") + (name == "causal" ? name : name + " " + size_text(value));
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

// A benchmark may be over before the power limit acts, see kernels/energy.hpp. Without idle power: of the dynamic energy.
std::string power_text(const KernelAnswer& a, const DeviceModel& device) {
  const double watts = a.energy_J.value_or(*a.dynamic_J) / a.time_s;
  std::string text = human(Watts(watts)) + " on average";
  constexpr double rounding = 1e-6;
  if (const auto limit = device.power.most(); limit && watts > limit->value * (1 + rounding))
    text += fmt::format(", more than the {} that long runs are held to (--sustained)", human(*limit));
  return text;
}

std::string energy_text(const KernelAnswer& a, const DeviceModel& device) {
  if (!a.dynamic_J) return "unknown: neither the power limit nor the energy of operations of the device is";
  const std::string dynamic = human(Joules(*a.dynamic_J)) + " dynamic";
  return (a.energy_J ? fmt::format("{} ({}), {}", human(Joules(*a.energy_J)), dynamic, power_text(a, device))
                     : fmt::format("{}, {}; idle power is unknown", dynamic, power_text(a, device))) +
         (a.energy_source == EnergySource::power_limit ? "; estimated from the power limit" : "");
}

std::string one_text(const KernelAnswer& a, const DeviceModel& device) {
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
  text += "  energy       " + energy_text(a, device) + "\n";
  if (a.fits_in_memory == false)
    text += fmt::format("  does not fit {} of operands in the {} of the device's memory\n",
                        human(Bytes(a.operand_bytes)), human(*memory_capacity(device)));
  return text + fmt::format("  calibration  {}{}{}\n", a.calibration, a.calibrated ? "" : ": ", a.calibration_gap) +
         (a.calibration_note.empty() ? "" : "               " + a.calibration_note + "\n") +
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
                          a.energy_J    ? human(Joules(*a.energy_J))
                          : a.dynamic_J ? human(Joules(*a.dynamic_J)) + " dynamic"
                                        : "-",
                          a.bound});
  }
  const auto outside = std::find_if(answers.begin(), answers.end(),
                                    [](const KernelAnswer& a) { return !a.calibrated; });
  table.remarks.push_back("Calibration: " + answers.front().calibration);
  if (outside != answers.end()) table.remarks.back() += fmt::format("; some or all rows: {}", outside->calibration_gap);
  if (answers.front().energy_source == EnergySource::unknown)
    table.remarks.emplace_back("Energy: neither the power limit nor the energy of operations of the device is known");
  if (answers.front().energy_source == EnergySource::power_limit)
    table.remarks.emplace_back("Energy: estimated from the power limit");
  if (const auto over = std::count_if(answers.begin(), answers.end(),
                                      [](const KernelAnswer& a) { return a.fits_in_memory == false; });
      over > 0)
    table.remarks.push_back(fmt::format("Memory: the operands of {} rows do not fit in the device", over));
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
      {"operand_bytes", a.operand_bytes},
      {"fits_in_memory", a.fits_in_memory ? Json(*a.fits_in_memory) : Json(nullptr)},
      {"dynamic_energy_J", maybe(a.dynamic_J)},
      {"energy_J", maybe(a.energy_J)},
      {"average_power_W", a.energy_J ? Json(*a.energy_J / a.time_s) : Json(nullptr)},
      {"calibrated", a.calibrated},
      {"energy_source", a.energy_source == EnergySource::unknown       ? Json(nullptr)
                        : a.energy_source == EnergySource::power_limit ? Json("power limit")
                                                                       : Json("constants")},
      {"calibration", a.calibration},
      {"calibration_gap", a.calibration_gap.empty() ? Json(nullptr) : Json(a.calibration_gap)},
      {"calibration_note", a.calibration_note.empty() ? Json(nullptr) : Json(a.calibration_note)},
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
  return question.swept.empty() ? head + one_text(answers.front(), device)
                                : head + "\n" + sweep_table(question, answers);
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
