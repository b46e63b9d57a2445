// A device model of one core of this machine, from kernels timed on it: peaks are 1/0.95 of the best rate that any fitted
// kernel reached (no data sheet says what one core of a shared machine gets), efficiencies come from the usual fits; the
// withheld shapes judge the result. A roofline with two efficiencies: it knows no caches below the last level.
#pragma once

#include <string>
#include <vector>

#include "kernels/calibration.hpp"
#include "scenarios/measure/machine_kernels.hpp"
#include "sim/device.hpp"

namespace orrery {

struct MachineRow {
  MachineKernel what;
  double measured_s = 0, predicted_s = 0;
};

struct MachineStudy {
  DeviceModel device;
  Calibration calibration;
  std::vector<MachineRow> rows;

  double median_error(bool fitted) const;  // |predicted / measured - 1| over the fitted or the withheld rows
};

MachineStudy study_machine(const std::string& name, const std::string& title, std::vector<MachineKernel>,
                           const std::vector<double>& seconds, const Library&);

// Format orrery/measured/1.
Json measured_runs(const MachineStudy&);
std::string study_text(const MachineStudy&);
Json study_json(const MachineStudy&);

}  // namespace orrery
