// The shipped cost model: dispatches on the device family (GPU tiles and waves, systolic arrays, rooflines) with calibrated
// parameters per device or generation from kernels/calibration/*.json.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/cost_model.hpp"
#include "sim/device.hpp"
#include "sim/spec.hpp"

namespace orrery {

// Remembers costs per (device type, sequence, operating point): a sequence is costed once. `library` locates calibrations.
std::unique_ptr<CostModel> make_cost_model(std::span<const DeviceModel> device_types, const Library& library);

// Which calibration a device uses and why ("fitted on this device", "from its generation ampere", "family default"), for
// `show`, `list` and warnings.
std::string calibration_note(const DeviceModel&, const Library&);

}  // namespace orrery
