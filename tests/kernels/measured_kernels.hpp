// Reads the copied sample of measured kernels (tests/validation/measured/kernels, format orrery/measured/1) into samples
// for fitting and validation: one per row whose shape says what was computed. Rows at the floor of a host-synchronized
// timer say nothing about the device and are left out; the rest carry that timer's own share as `harness_s`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kernels/calibrate.hpp"

namespace orrery::measured {

enum class Group { gemm, attention, memory };

struct Row {
  std::string accelerator;
  Group group = Group::gemm;
  KernelSample sample;
};

// All rows of all files, in the order of the file names below.
std::vector<Row> read_kernels(const std::filesystem::path& folder);

std::vector<KernelSample> select(const std::vector<Row>&, const std::string& accelerator, Group);
// Further narrowed to GEMMs of one type, or attention of one generation.
std::vector<KernelSample> of_type(const std::vector<KernelSample>&, DataType);
std::vector<KernelSample> of_generation(const std::vector<KernelSample>&, int generation);

}  // namespace orrery::measured
