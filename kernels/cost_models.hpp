// The shipped cost model: dispatches on the device family (GPU tiles and waves, systolic arrays, rooflines) with calibrated
// parameters per device or generation from kernels/calibration/*.json.
// A sequence costs T = (G^q + H^q)^(1/q), G the sum of its kernels' device times and H of their host times, q = 3.5: the host
// runs ahead of the device when it is faster and holds it up when it is slower, and near the crossing both show (fitted on
// 400 single-node training steps, q = 3.3 to 3.9). H = 0 (captured graphs, compiled programs) gives T = G exactly.
// Not thread-safe: it remembers what it computed.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/calibration.hpp"
#include "sim/cost_model.hpp"
#include "sim/device.hpp"
#include "sim/spec.hpp"

namespace orrery {

// Remembers costs per (device type, sequence, operating point): a sequence is costed once. `library` locates calibrations.
// Training and other long runs use `sustained` (boards at their power limit); comparisons with kernel benchmarks `isolated`.
std::unique_ptr<CostModel> make_cost_model(std::span<const DeviceModel> device_types, const Library& library,
                                           Conditions conditions = Conditions::sustained);
// The same with calibrations at hand, for fitting and tests: one per device type.
std::unique_ptr<CostModel> make_cost_model(std::span<const DeviceModel> device_types,
                                           std::vector<DeviceCalibration> calibrations,
                                           Conditions conditions = Conditions::sustained);

// Which calibration a device uses and why ("of this device", "from its generation ampere", "family default"), for
// `show`, `list` and warnings.
std::string calibration_note(const DeviceModel&, const Library&);

}  // namespace orrery
