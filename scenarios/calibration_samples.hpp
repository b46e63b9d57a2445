// Measured kernels (format orrery/measured/1) as samples for fitting and validation: one per row whose shape says what was
// computed. Sources that need care are known by their file's name: rows at the floor of a host-synchronized timer say
// nothing about the device and are left out, the rest carry that timer's own share as `harness_s`. Files of any other
// name are read row by row as scenarios/measured_kernels.hpp reads them; rows that are no single class are left out.
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
};

// All rows of the given files of measured kernels; files of other kinds are passed over. Throws SpecError for a file that
// cannot be read.
std::vector<Row> read_kernels(std::span<const std::filesystem::path> files);
// Of all files of a folder, in alphabetical order.
std::vector<Row> read_kernels(const std::filesystem::path& folder);

std::vector<KernelSample> select(const std::vector<Row>&, const std::string& accelerator, Group);
// Further narrowed to GEMMs of one type, or attention of one generation.
std::vector<KernelSample> of_type(const std::vector<KernelSample>&, DataType);
std::vector<KernelSample> of_generation(const std::vector<KernelSample>&, int generation);

}  // namespace orrery::measured
