// What is timed on a GPU, each with the Kernel that the models see: products over shapes and types (squares, the narrow and
// deep ones of layers, rows in between that are kept to judge by), fused attention, softmax, layer norm, triad and copy over
// arrays larger than any cache, copies from and to the host, and the launch of an empty kernel.
#pragma once

#include <memory>
#include <vector>

#include "scenarios/measure/machine_kernels.hpp"
#include "sim/device.hpp"

namespace orrery {

// The kernels run on `backend`, which they keep. `small`: a few, of a size for tests.
std::vector<MachineKernel> gpu_kernels(const std::shared_ptr<GpuBackend>& backend, bool small);

// What the driver says of the device, and its architecture; peaks are left to what is measured.
DeviceModel gpu_device(const GpuFacts&, const std::string& name);

}  // namespace orrery
