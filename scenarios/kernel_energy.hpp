// What a run may say of the energy of its kernels. Where neither constants nor a power limit of a device are known
// (kernels/energy.hpp) that energy is unknown: it and every sum that holds it are absent from the metrics of the job, while
// idle, host, link and network energy stand. What rests on an estimate is told.
#pragma once

#include <string>
#include <vector>

#include "scenarios/placement.hpp"
#include "scenarios/run_scenario.hpp"

namespace orrery {

// Makes unknown energies not-a-number (absent in JSON). Costs are computed before, from what is known.
void forget_unknown_energy(ScenarioRun&, const std::vector<PlacedJob>&, const Library&);

// Which energies of the device's kernels and of its idle time are absent, estimated or counted as nothing.
std::vector<std::string> energy_warnings(const DeviceModel&, const Library&);

}  // namespace orrery
