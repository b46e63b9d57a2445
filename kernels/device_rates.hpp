// The figures of a data sheet that kernels run against, with the faults a user sees when a device lacks one. Peaks are
// dense rates at the nominal clock; how much of them kernels reach is calibration.
#pragma once

#include "sim/device.hpp"
#include "sim/kernel.hpp"

namespace orrery {

// FLOP/s for matrix work on operands of `type`; SpecError naming the supported types when the device has no such rate.
double matrix_rate(const DeviceModel&, DataType type);
// FLOP/s of vector arithmetic. Where no source gives one, the largest rate of matrix units: a bound that no vector unit
// reaches; infinite for devices that have no rate at all.
double vector_rate(const DeviceModel&, DataType type);
bool vector_rate_known(const DeviceModel&, DataType type);
// Bytes/s of device memory; of on-chip memory for devices that have no other; else SpecError.
double memory_rate(const DeviceModel&);
// Cores (SMs, CUs) that share a GEMM's tiles; SpecError when unknown.
int core_count(const DeviceModel&);

}  // namespace orrery
