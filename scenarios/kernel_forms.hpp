// Kernels as a user asks for them: by the names of their sizes. One form per constructor of kernels/shapes.hpp says which
// sizes it takes, which of them have defaults, and builds the kernel; a new kernel is one line in the catalog.
// Sizes are counts of elements, rows, ..., or bytes where the name says so. A default of 0 means that the size follows
// from the others (its description says how).
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/catalog.hpp"
#include "sim/kernel.hpp"

namespace orrery {

// Done on matrix units, at the rate of their type.
inline bool is_matrix_work(KernelKind kind) {
  return kind == KernelKind::gemm || kind == KernelKind::convolution || kind == KernelKind::attention ||
         kind == KernelKind::attention_backward;
}

struct KernelSize {
  std::string_view name, description;
  std::optional<double> otherwise;  // none: must be given
  bool whole = true;                // a count
};

using KernelSizes = std::map<std::string, double, std::less<>>;

struct KernelForm {
  KernelKind kind;
  DataType usual;  // the type when none is given
  std::vector<KernelSize> sizes;
  Kernel (*build)(const KernelSizes&, DataType);
};

std::span<const CatalogEntry<KernelForm>> kernel_forms();

// Every size that some kernel takes, once, in the order of the forms.
std::vector<KernelSize> all_kernel_sizes();

// Fills in defaults and builds. Throws std::invalid_argument naming a size that the kernel does not take, lacks, or that
// has no meaning (negative, fractional, more than 2^53, heads that key-value heads do not divide).
struct SizedKernel {
  KernelSizes sizes;  // with defaults, but those that follow from the others
  Kernel kernel;
};
SizedKernel build_kernel(const CatalogEntry<KernelForm>&, const KernelSizes& given, DataType);

}  // namespace orrery
