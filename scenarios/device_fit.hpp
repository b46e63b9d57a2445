// Calibrations from measured kernels: one fit per accelerator, data type (products), generation (attention) and for
// everything bound by memory; never per shape. Fits start from the defaults of the device's family, so that a result
// depends on the samples and the data sheet alone, and running it again gives the same file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/calibration.hpp"
#include "scenarios/calibration_samples.hpp"

namespace orrery {

struct DeviceFit {
  DeviceModel device;
  Calibration calibration;  // only what there were samples for
};

// The device as a source times it: rows of google-tpu7x products are half a chip, what its software calls a device.
DeviceModel timed_device(const DeviceModel&, measured::Group);

// What a fit starts from: what the family's defaults say of this device, without its own calibration or its generation's, but with the tiles that the generation's instructions allow, which is no fit.
DeviceCalibration fit_start(const DeviceModel&, const Library&);

// Samples of one device: those that fits use, or those that are compared only.
std::vector<KernelSample> samples_of(const std::vector<measured::Row>&, const std::string& accelerator, measured::Group,
                                     bool fitted);

// Fits everything that `rows` have of one accelerator. Throws SpecError for an unknown accelerator.
DeviceFit fit_device(const std::string& accelerator, const std::vector<measured::Row>& rows, const Library&);

// Rows of accelerators with the same chip, as rows of the first: one fit over several boards. Throws SpecError where their
// data sheets differ in what the models use.
std::vector<measured::Row> pooled(std::vector<measured::Row>, const std::vector<std::string>& names, const Library&);

// The fit as a file that replaces the shipped one: what was not fitted (sustained clocks, energies, remarks) is kept.
Calibration complete(const DeviceFit&, const Library&);

// Without the rows of accelerators that the library lacks, and without products and attentions that theirs does not compute: in
// types it has not, or at rates beyond any clock of it. Those are appended to `left_out`.
std::vector<measured::Row> computable(std::vector<measured::Row>, const Library&,
                                      std::vector<measured::LeftOut>& left_out);

// Accelerators that rows are of, sorted.
std::vector<std::string> accelerators_of(const std::vector<measured::Row>&);

// `parameters` put in the place where the device would look them up.
void put(DeviceCalibration&, const GemmParameters&);
void put(DeviceCalibration&, const AttentionParameters&);

}  // namespace orrery
