// Real kernels on one core of the machine that runs this program, each with the Kernel that the models see: OpenBLAS
// products (found at run time), and plain loops for a copy, a triad, a 7-point stencil, a sparse product in compressed rows
// and softmax. Operands are made once, by a fixed rule, and touched before timing. Assumes that products up to about 2000
// rows and arrays of 64 MB and more fit in memory. Products find their operands in the caches, as BLAS blocks for them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scenarios/measure/gpu_backend.hpp"
#include "sim/json.hpp"
#include "sim/kernel.hpp"

namespace orrery {

// A kernel with its operands: `once` runs it, to be timed by the host's clock; or `train` runs so many in a row and says how
// many seconds they took by the device's own clock, and `reading` what the device drew and ran at meanwhile.
struct ReadyKernel {
  std::function<void()> once;
  std::function<double(int)> train;
  std::function<DeviceReading()> reading;
};

struct MachineKernel {
  std::string name;  // as the measured-run format names it
  Kernel kernel;
  Json shape;                            // "m", "n", "k", ... of the format
  bool fit = true;                       // false: kept to judge the model by
  std::function<ReadyKernel()> prepare;  // makes the operands; throws NotMeasured where a library lacks the kernel
  bool modelled = true;  // false: a fact of the machine (a launch, a copy from the host), no kernel of a model
};

// "" when everything that the kernels need is there, else what to install.
std::string missing_for_kernels();

// The fitted and the withheld kernels, products first. `small`: a few, of a size for tests.
std::vector<MachineKernel> machine_kernels(bool small);

}  // namespace orrery
