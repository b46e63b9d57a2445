// Real kernels on one core of the machine that runs this program, each with the Kernel that the models see: OpenBLAS
// products (found at run time), and plain loops for a copy, a triad, a 7-point stencil, a sparse product in compressed rows
// and softmax. Operands are made once, by a fixed rule, and touched before timing. Assumes that products up to about 2000
// rows and arrays of 64 MB and more fit in memory. Products find their operands in the caches, as BLAS blocks for them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/json.hpp"
#include "sim/kernel.hpp"

namespace orrery {

struct MachineKernel {
  std::string name;  // as the measured-run format names it
  Kernel kernel;
  Json shape;                                      // "m", "n", "k", ... of the format
  bool fit = true;                                 // false: kept to judge the model by
  std::function<std::function<void()>()> prepare;  // makes the operands; what it returns runs the kernel once
};

// "" when everything that the kernels need is there, else what to install.
std::string missing_for_kernels();

// The fitted and the withheld kernels, products first. `small`: a few, of a size for tests.
std::vector<MachineKernel> machine_kernels(bool small);

}  // namespace orrery
