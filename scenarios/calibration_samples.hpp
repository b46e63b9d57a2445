// Measured kernels (format orrery/measured/1) as samples for fitting and validation: one per row that is one kernel, read as
// scenarios/measured_kernels.hpp reads it, and one per operator of rows that time a layer's operators apart. What a fit must
// know of a source beyond its rows stands in its file, under "calibration": the board where rows name none, the order of its
// matrices, the type of rows that state none, and by kernel the host time in each measured time, the shortest time that says
// anything of the device, and whether the kernel is fitted, only compared, or neither. Every other row says why it is no
// sample.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "kernels/calibrate.hpp"

namespace orrery::measured {

enum class Group { gemm, attention, memory };

struct Row {
  std::string accelerator;
  Group group = Group::gemm;
  KernelSample sample;
  bool fit = true;  // false: validated against, but not fitted
  std::string id;   // of the measured row
};

// A measured row that is no sample.
struct LeftOut {
  std::string file, id, why;
};

// All rows of the given files of measured kernels; files of other kinds are passed over. Throws SpecError for a file that
// cannot be read. Rows that are no samples are appended to `left_out`, where given.
std::vector<Row> read_kernels(std::span<const std::filesystem::path> files, std::vector<LeftOut>* left_out = nullptr);
// Of all files of a folder, in alphabetical order.
std::vector<Row> read_kernels(const std::filesystem::path& folder);

std::vector<KernelSample> select(const std::vector<Row>&, const std::string& accelerator, Group);
// Further narrowed to GEMMs of one type, or attention of one generation.
std::vector<KernelSample> of_type(const std::vector<KernelSample>&, DataType);
std::vector<KernelSample> of_generation(const std::vector<KernelSample>&, int generation);

}  // namespace orrery::measured
