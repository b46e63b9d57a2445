#include "scenarios/validate_reliability.hpp"

#include <array>

#include "scenarios/reliability_spec.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

double device_mtbf_h(const MeasuredRow& row, const Library& library) {
  const std::string accelerator = row.text("accelerator").value_or(row.text("cluster/accelerator").value_or(""));
  if (accelerator.empty()) throw CannotSimulate("the accelerator is not named");
  const auto device = load_part<DeviceModel>("hardware/accelerators", accelerator, library);
  const auto rate = failure_rate_of(device, library);
  if (!rate) throw CannotSimulate("no failure rate is published for the generation of " + accelerator);
  return rate->device_mtbf.value / 3600;
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
  return needed(row, "devices") * needed(row, "measured/period_h") / device_h;
}
double goodput(const MeasuredRow& row, double device_h) {
  ReliabilityInputs in;
  in.mtbf_s = 3600 * job_mtbf(row, device_h);
  in.checkpoint_s = needed(row, "checkpoint_time_s");
  in.restart_s = needed(row, "restart_time_s");
  in.interval_s = row.number("checkpoint_interval_s");
  return goodput_of(in, std::nullopt).goodput;
}

struct Figure {
  std::string_view key;
  double (*predict)(const MeasuredRow&, double device_h);
};
constexpr std::array<Figure, 7> figures = {{{"mttf_h", job_mtbf},
                                            {"mtbf_h", job_mtbf},
                                            {"node_failures_per_1000_node_days", node_failures},
                                            {"device_hours_per_interruption", per_device},
                                            {"gpu_hours_per_interruption", per_device},
                                            {"interruptions", interruptions},
                                            {"goodput", goodput}}};

}  // namespace

ReliabilityFigure predicted_reliability(const MeasuredRow& row, const Library& library, RulesUsed& used) {
  for (const Figure& figure : figures) {
    const auto measured = row.number(fmt::format("measured/{}", figure.key));
    if (!measured) continue;
    used.insert(Rule::failure_rates);
    return {std::string(figure.key), *measured, figure.predict(row, device_mtbf_h(row, library))};
  }
  throw CannotSimulate("it states no failure rate, time between failures or goodput");
}

}  // namespace orrery
