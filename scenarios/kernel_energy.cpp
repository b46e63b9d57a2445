#include "scenarios/kernel_energy.hpp"

#include <limits>

#include <fmt/format.h>

#include "kernels/energy.hpp"

namespace orrery {

namespace {

// Training runs no spiking steps, so that one kind of kernel stands for all.
EnergySource source_of(const DeviceModel& device, const DeviceCalibration& calibration) {
  return energy_source(device, calibration, KernelKind::gemm);
}

}  // namespace

void forget_unknown_energy(ScenarioRun& run, const std::vector<PlacedJob>& placed, const Library& library) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  std::vector<bool> silent;  // by device type
  for (const DeviceModel& device : run.cluster.device_types)
    silent.push_back(source_of(device, resolve_calibration(device, library)) == EnergySource::unknown);
  for (std::size_t j = 0; j < placed.size(); ++j)
    for (const DeviceId device : placed[j].devices) {
      if (!silent[run.cluster.type_of[device.index()].index()]) continue;
      JobMetrics& job = run.metrics.jobs[j];
      job.energy.compute_J = job.energy_J = job.average_power_W = unknown;
      job.energy_to_train_J.reset();
      run.metrics.energy_J = run.metrics.average_power_W = unknown;
      break;
    }
}

std::vector<std::string> energy_warnings(const DeviceModel& device, const Library& library) {
  std::vector<std::string> lines;
  const DeviceCalibration calibration = resolve_calibration(device, library);
  const EnergySource source = source_of(device, calibration);
  if (source == EnergySource::unknown)
    lines.push_back(
        device.name +
        ": neither its power limit nor the energy of its operations is known: the energy of its kernels and "
        "every sum that would hold it are absent, also from costs");
  if (source == EnergySource::power_limit)
    lines.push_back(
        fmt::format("{}: the energy of its operations is unknown; that of kernels is estimated from its power "
                    "limit of {}",
                    device.name, human(*device.power.tdp)));
  const double memory_W = memory_power_W({device, calibration, Conditions::sustained}),
               most_W = dynamic_budget_W(device);
  if (most_W > 0 && memory_W > most_W)
    lines.push_back(fmt::format(
        "{}: at its full bandwidth its memory alone would draw {} of the {} that the power limit leaves to work, "
        "which holds it back (\"energy\" of the memory, \"tdp\" of the board)",
        device.name, human(Watts(memory_W)), human(Watts(most_W))));
  if (!idle_power(device))
    lines.push_back(device.name + ": idle power unknown, counted as 0 W: energy is a lower bound");
  else if (!device.power.idle)
    lines.push_back(fmt::format("{}: idle power unknown, estimated as {} from its power limit", device.name,
                                human(*idle_power(device))));
  return lines;
}

}  // namespace orrery
