// Which model computes the kernels of a device: systolic arrays where the data sheet names their shape, tiles and waves for
// GPUs, the roofline for everything else.
#pragma once

#include "kernels/gpu.hpp"
#include "kernels/gpu_attention.hpp"
#include "kernels/gpu_gemm.hpp"
#include "kernels/kernel_terms.hpp"
#include "kernels/roofline.hpp"
#include "kernels/systolic.hpp"

namespace orrery {

inline FamilyModel family_model(const DeviceModel& device) {
  if (device.systolic_rows && device.matrix_units) return systolic;
  return device.family == DeviceFamily::gpu ? gpu : roofline;
}

}  // namespace orrery
