#include "scenarios/validate_reliability.hpp"

#include <array>

#include "scenarios/measured_names.hpp"
#include "scenarios/reliability_spec.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

double device_mtbf_h(const MeasuredRow& row, const Library& library, RulesUsed& used) {
  const std::string stated = row.text("accelerator").value_or(row.text("cluster/accelerator").value_or(""));
  if (stated.empty()) throw CannotSimulate("the accelerator is not named");
  const std::string accelerator = *with_known_accelerator(row, stated, library, used).text("accelerator");
  const auto device = load_part<DeviceModel>("hardware/accelerators", accelerator, library);
  const auto rate = failure_rate_of(device, library);
  if (!rate) throw CannotSimulate("no failure rate is published for the generation of " + accelerator);
  return rate->device_mtbf.value / 3600;
}

// A figure of the row in one of its units.
struct Unit {
  std::string_view suffix;
  double scale;
};
constexpr Unit hours[] = {{"_h", 1}, {"_hours", 1}, {"_s", 1.0 / 3600}, {"_days", 24}};

std::optional<double> hours_of(const MeasuredRow& row, const std::string& name) {
  for (const Unit& unit : hours)
    if (const auto value = row.figure(name + std::string(unit.suffix))) return *value * unit.scale;
  return std::nullopt;
}

double needed(const MeasuredRow& row, std::string_view path) {
  const double value = row.need_number(path);
  if (!(value > 0)) throw CannotSimulate(fmt::format("faulty row: {} is not positive", path));
  return value;
}

// Each from the mean time between failures of one device, in hours.
double job_mtbf(const MeasuredRow& row, double device_h) { return device_h / needed(row, "devices"); }
double node_failures(const MeasuredRow& row, double device_h) {
  const auto own = row.number("devices_per_node"), of_cluster = row.number("cluster/devices_per_node");
  return 1000 * 24 * own.value_or(of_cluster.value_or(8)) / device_h;
}
double per_device(const MeasuredRow&, double device_h) { return device_h; }
double interruptions(const MeasuredRow& row, double device_h) {
  const auto period = hours_of(row, "period");
  if (!period) throw CannotSimulate("period_h is not stated");
  if (!(*period > 0)) throw CannotSimulate("faulty row: the period is not positive");
  return needed(row, "devices") * *period / device_h;
}
double goodput(const MeasuredRow& row, double device_h) {
  ReliabilityInputs in;
  in.mtbf_s = 3600 * job_mtbf(row, device_h);
  in.checkpoint_s = needed(row, "checkpoint_time_s");
  in.restart_s = needed(row, "restart_time_s");
  in.interval_s = row.number("checkpoint_interval_s");
  return goodput_of(in, std::nullopt).goodput;
}

// A share, or per cent of it.
std::optional<double> stated_goodput(const MeasuredRow& row) {
  auto value = row.figure("goodput");
  if (value && *value > 1) *value /= 100;
  if (const auto percent = value ? std::nullopt : row.figure("goodput_pct"); percent) value = *percent / 100;
  if (value && *value > 1) throw CannotSimulate("faulty row: a goodput above all of the time");
  return value;
}

struct Figure {
  std::string_view key;
  double (*predict)(const MeasuredRow&, double device_h);
};
constexpr std::array<Figure, 4> figures = {{{"node_failures_per_1000_node_days", node_failures},
                                            {"device_hours_per_interruption", per_device},
                                            {"gpu_hours_per_interruption", per_device},
                                            {"interruptions", interruptions}}};

}  // namespace

ReliabilityFigure predicted_reliability(const MeasuredRow& row, const Library& library, RulesUsed& used) {
  for (const char* name : {"mttf", "mtbf"})
    if (const auto measured = hours_of(row, name)) {
      used.insert(Rule::failure_rates);
      return {std::string(name) + "_h", *measured, job_mtbf(row, device_mtbf_h(row, library, used))};
    }
  for (const Figure& figure : figures) {
    const auto measured = row.figure(figure.key);
    if (!measured) continue;
    used.insert(Rule::failure_rates);
    return {std::string(figure.key), *measured, figure.predict(row, device_mtbf_h(row, library, used))};
  }
  if (const auto share = stated_goodput(row)) {
    used.insert(Rule::failure_rates);
    return {"goodput", *share, goodput(row, device_mtbf_h(row, library, used))};
  }
  throw CannotSimulate("it states no failure rate, time between failures or goodput");
}

}  // namespace orrery
