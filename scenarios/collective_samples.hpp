// Measured collectives (format orrery/measured/1) as samples for fitting: every row that validation can predict, on the
// machine and with the algorithm that validation would give it.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/collectives/calibrate.hpp"

namespace orrery {

struct CollectiveSamples {
  std::vector<CollectiveSample> samples;                     // `source` is the stem of the file
  std::map<std::string, std::unique_ptr<Cluster>> clusters;  // that they point to
  std::map<std::string, int> left_out;                       // rows that cannot be simulated, by reason
};

// Rows of other kinds are passed over. Throws SpecError for a file that cannot be read.
CollectiveSamples read_collective_samples(std::span<const std::filesystem::path> files, const Library&);

// Leaves out what no algorithm, or none of the stated kind, does on its machine: where the error is not finite. Whether any was.
bool leave_out_impossible(CollectiveSamples&, std::span<const double> errors);

// Every source predicted by a fit that has not seen it.
struct LeftOutSource {
  std::string source;
  std::vector<double> fitted, left_out;  // ln(predicted / measured) of its samples
  std::vector<double> bytes;
};
std::vector<LeftOutSource> leave_out_sources(const CollectiveCalibration&, const RoutedCollectives&);

// exp(mean |x|) - 1
double geomean_error(std::span<const double> logs);

}  // namespace orrery
