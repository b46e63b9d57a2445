// Which model computes the kernels of a device: systolic arrays where the data sheet names their shape, tiles and waves for
// GPUs, cores with memory of their own, pipelines and events where the silicon is such, the roofline for everything else.
#pragma once

#include "kernels/event_driven.hpp"
#include "kernels/fpga.hpp"
#include "kernels/gpu.hpp"
#include "kernels/gpu_attention.hpp"
#include "kernels/gpu_gemm.hpp"
#include "kernels/kernel_terms.hpp"
#include "kernels/roofline.hpp"
#include "kernels/spatial.hpp"
#include "kernels/systolic.hpp"

namespace orrery {

inline FamilyModel family_model(const DeviceModel& device) {
  if (device.systolic_rows && device.matrix_units) return systolic;
  switch (device.family) {
    case DeviceFamily::gpu:
      return gpu;
    case DeviceFamily::ipu:
    case DeviceFamily::wafer_scale:
      return spatial;
    case DeviceFamily::fpga:
      return fpga;
    case DeviceFamily::neuromorphic:
      return event_driven;
    default:
      return roofline;
  }
}

}  // namespace orrery
