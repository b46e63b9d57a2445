// Error bands (analysis/error_band.hpp) from measured kernels, collectives and training steps.
// Kernels: each device runs on what the others say (geometric mean of their fitted parameters: of its generation, else of
// its family), and its errors are kept. For measured devices: every fourth shape is predicted from a fit on the others.
// Links and the unexplained part of training steps: percentiles over the sources, widened until they hold 90 % of the rows
// of a source that is left out, sources weighing as the root of their rows. Reported coverage is that of left-out sources.
#pragma once

#include <string>
#include <vector>

#include "analysis/error_band.hpp"
#include "scenarios/calibration_samples.hpp"
#include "scenarios/device_fit.hpp"
#include "scenarios/validate.hpp"

namespace orrery {

struct Coverage {
  std::string of;  // "training steps, each source left out"
  std::size_t rows = 0, sources = 0;
  double share = 0;            // of rows inside the band
  double share_by_source = 0;  // mean over the sources
  double median_width = 0;     // (high - low) / measured
};

struct BandFit {
  ErrorBands bands;
  std::vector<Coverage> coverage;
};

// Errors ln(measured / predicted) of every sample with its device left out, by class of kernel.
struct LeftOutError {
  std::string device;
  measured::Group group;
  std::string what;  // "gemm fp16", "attention 2", "memory-bound"
  double error = 0;
};
inline constexpr const char* memory_bound_name = "memory-bound";
std::string what_of(const GemmParameters&);
std::string what_of(const AttentionParameters&);
std::vector<LeftOutError> left_out_errors(const std::vector<measured::Row>&, const std::vector<DeviceFit>&,
                                          const Library&);
// The same with the device's other shapes known.
std::vector<LeftOutError> left_out_shapes(const std::vector<measured::Row>&, const std::vector<DeviceFit>&,
                                          const Library&);

// `start` gives names and members of the classes; `validated` are rows of collectives and training.
BandFit fit_bands(ErrorBands start, const std::vector<LeftOutError>& devices, const std::vector<LeftOutError>& shapes,
                  const std::vector<ValidatedRow>& validated);

}  // namespace orrery
