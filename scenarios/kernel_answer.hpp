// What one kernel costs on one device, and where it stands in the device's roofline (Williams, Waterman, Patterson, CACM
// 2009): time, rates, the resource that bounds it, energy. The roof is the data sheet's: min(peak, intensity x bandwidth).
// Energy is the kernel's dynamic energy plus idle power over its time, as far as they are known. No FLOPs (a copy): only
// bandwidth has a roof. Bytes, and rates of them, are those that a kernel must move (kernels/shapes.hpp), whatever a device moves
// again in blocks, splits or exchange: those cost time and energy. Operands that an IPU or a wafer cannot hold stream.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/svg_plot.hpp"
#include "kernels/calibration.hpp"
#include "kernels/energy.hpp"
#include "scenarios/kernel_forms.hpp"
#include "sim/device.hpp"
#include "sim/json.hpp"
#include "sim/spec.hpp"

namespace orrery {

struct KernelQuestion {
  const CatalogEntry<KernelForm>* form = nullptr;
  DataType type = DataType::bf16;
  Conditions conditions = Conditions::isolated;
  std::string swept;                 // name of a size; "" = none
  std::vector<KernelSizes> answers;  // sizes as given, one per answer
};

struct KernelAnswer {
  SizedKernel what;
  double time_s = 0;
  std::optional<double> low_s, high_s;  // nominal 90 % band
  std::string bound;                    // "compute", "memory", "launch"
  EnergySource energy_source = EnergySource::unknown;
  std::optional<double> dynamic_J;  // none: neither energy per operation nor the power limit is known
  std::optional<double> energy_J;   // with idle power; none: that or the dynamic energy is unknown
  bool calibrated = false;          // on parameters measured on this device, inside their range
  std::string calibration;          // "of this device", "family default"
  std::string calibration_gap;      // why not calibrated; "" = it is
  std::string calibration_note;     // how the parameters were found, where no fit has residuals
  std::string unvalidated;          // why no measurement stands behind the model of such devices; "" = one does
  std::optional<double> peak_flops_per_s;
  double memory_bytes_per_s = 0;       // infinite: the data sheet has none, and the kernel needs none
  double operand_bytes = 0;            // at least, see kernels/operands.hpp
  std::optional<bool> fits_in_memory;  // none: the capacity is unknown

  double flops_per_s() const { return what.kernel.flops / time_s; }
  double bytes_per_s() const { return what.kernel.bytes / time_s; }
  double intensity() const { return what.kernel.flops / what.kernel.bytes; }  // FLOP per byte
  double roof_flops_per_s() const;                                            // of the data sheet at this intensity
  double roof_share() const;  // reached, of FLOP/s or, without FLOPs, of bandwidth
};

// The data types that a device computes with; empty when its data sheet has no rates.
std::vector<std::string> supported_types(const DeviceModel&);

// Throws std::invalid_argument for bad sizes or types (see kernel_forms.hpp), SpecError when the device lacks a figure.
std::vector<KernelAnswer> answer(const KernelQuestion&, const DeviceModel&, const Library&);

std::string kernel_text(const KernelQuestion&, const std::vector<KernelAnswer>&, const DeviceModel&);
Json kernel_json(const KernelQuestion&, const std::vector<KernelAnswer>&, const DeviceModel&);
// Of a sweep: the reached rate over the swept size, with the roof and measured points (x: the swept size, y: TFLOP/s).
// Else: the kernel under the device's roofline.
std::string kernel_svg(const KernelQuestion&, const std::vector<KernelAnswer>&, const DeviceModel&,
                       const std::vector<PlotPoint>& measured = {});

}  // namespace orrery
