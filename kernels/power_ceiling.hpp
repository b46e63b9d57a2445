// The share of its matrix peak that a board's power limit allows: budget / (energy per FLOP x peak), at most 1. Only the
// multiply-adds are counted, at the constants of the device's generation, so that this is a bound, not an estimate: no
// efficiency, fitted or inherited from another board, exceeds it. It decides for boards that carry a large chip under a
// small limit (T4: 70 W, L4: 72 W). No constants or no limit known: 1. Voltage is taken as constant, as it is at the low end
// of the clock range where such boards run (T4: 24 TFLOP/s of 65 in fp16, NVIDIA developer forum, thread 264462).
#pragma once

#include <optional>

#include "kernels/calibration.hpp"
#include "sim/device.hpp"

namespace orrery {

// Power that the multiply-adds of a type take at its peak; 0 where that is not known.
double full_power_W(const DeviceModel&, DataType, const std::optional<EnergyParameters>&);
double power_ceiling(const DeviceModel&, DataType, const std::optional<EnergyParameters>&);

}  // namespace orrery
