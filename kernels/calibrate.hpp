// Fits the few parameters of a family model to measured kernels of one device: minimizes the mean |ln(predicted / measured)|
// (robust: an outlier counts once, not squared) over the logarithms of the parameters, within their bounds, by Nelder-Mead
// from several fixed starts. Times are compared at Conditions::isolated. Plain samples in, parameters and residuals out;
// deterministic; figures have three digits, and what the samples do not determine stays where it started. Fractions stay below
// 1, so that no fitted kernel beats its device.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kernels/calibration.hpp"
#include "sim/device.hpp"
#include "sim/kernel.hpp"

namespace orrery {

struct KernelSample {
  std::vector<Kernel> kernels;  // usually one; forward and backward attention timed together are two
  double measured_s = 0;
  double harness_s = 0;  // what the benchmark's own timing added (host synchronization): no part of the device
  std::string file;      // of the measured corpus
};

// ln(predicted / measured) of each sample, in order.
std::vector<double> log_residuals(const DeviceModel&, const DeviceCalibration&, std::span<const KernelSample>);

// Samples, residual median and 90th percentile, files and the range of matrix dimensions.
Fit describe_fit(std::span<const KernelSample>, std::span<const double> residuals);

// Each starts from the calibration at hand and replaces what it fits: the GEMM entry of the samples' type, attention of
// their generation, or the memory entry. No samples of a kind: nothing changes.
GemmParameters fit_gemm(const DeviceModel&, const DeviceCalibration& start, std::span<const KernelSample>);
AttentionParameters fit_attention(const DeviceModel&, const DeviceCalibration& start, std::span<const KernelSample>);
MemoryParameters fit_memory(const DeviceModel&, const DeviceCalibration& start, std::span<const KernelSample>);

}  // namespace orrery
