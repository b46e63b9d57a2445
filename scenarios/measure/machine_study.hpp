// A device model of one core, or of a GPU, of this machine, from kernels timed on it. Peaks and bandwidths that the caller
// does not know are 1/0.95 of the best rate that any fitted kernel reached (no data sheet says what one core of a shared
// machine gets); efficiencies come from the usual fits; the withheld shapes judge the result. Of a CPU it is a roofline with
// two efficiencies: it knows no caches below the last level.
#pragma once

#include <string>
#include <vector>

#include "kernels/calibration.hpp"
#include "scenarios/measure/harness.hpp"
#include "sim/device.hpp"

namespace orrery {

struct MachineRow {
  MachineKernel what;
  double measured_s = 0, predicted_s = 0;  // predicted 0: no kernel of a model
  DeviceReading reading;
};

struct MachineStudy {
  DeviceModel device;
  std::string part, how;  // "one core", "a GPU"; what was run, for the file of measurements
  Calibration calibration;
  std::vector<MachineRow> rows;
  std::vector<std::string> skipped;  // kernels that were not timed, and why

  double median_error(bool fitted) const;  // |predicted / measured - 1| over the fitted or the withheld rows
};

// One core of this machine, of which nothing but the processor's name is known.
DeviceModel core_device(const std::string& name, const std::string& processor);

MachineStudy study_machine(const DeviceModel& known, std::vector<MachineKernel>, const std::vector<Timing>&,
                           const Library&);

// Format orrery/measured/1.
Json measured_runs(const MachineStudy&);
std::string study_text(const MachineStudy&);
Json study_json(const MachineStudy&);

}  // namespace orrery
