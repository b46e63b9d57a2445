// Measured kernel and collective rows as what the cost models take: kernels on one device, or transfers on the row's
// cluster. Rates are turned into times with the FLOPs or bytes that the source counts (see the measured files' notes):
// GEMM 2 m n k; attention 4 s^2 d per head and sequence, half of it when causal, backward 2.5 times forward; a copy moves
// its bytes twice. Kernels are costed as isolated benchmarks (no power-limited clock).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernels/collectives/collective.hpp"
#include "scenarios/measured_rules.hpp"
#include "sim/kernel.hpp"

namespace orrery {

struct KernelCase {
  std::string accelerator;
  std::string kernel_class;     // gemm, attention, memory-bound, or layer: all of them
  std::vector<Kernel> kernels;  // run one after the other
  double counted_flops = 0;     // as the source counts them
  double counted_bytes = 0;
};

// "accelerator", "device" or "gpu" of the row, or its file's accelerator.
std::string kernel_accelerator(const MeasuredRow&);
// Kernels go by the names of `orrery kernel` (with _ for -), STREAM's loops and what frameworks call them. Throws
// CannotSimulate for kernels that are not modelled.
KernelCase kernel_case(const MeasuredRow&, RulesUsed&);
// Seconds: printed, or from the printed rate and what was counted; none when the row has neither.
std::optional<double> measured_kernel_time(const MeasuredRow&, const KernelCase&);

// What readers of one kernel share: a size ("shape/m", else "m"), the data type, one kernel more.
std::int64_t size_of(const MeasuredRow&, const std::string& name);
std::int64_t size_or(const MeasuredRow&, const std::string& name, std::int64_t otherwise);
DataType type_of(const MeasuredRow&, DataType otherwise, RulesUsed&);
// As the row writes it; a CSV may have a bare 16.
std::optional<std::string> precision_text(const MeasuredRow&);
void add(KernelCase&, Kernel);

struct CollectiveCase {
  Json cluster;  // ClusterSpec
  std::vector<DeviceId> members;
  CollectiveKind kind = CollectiveKind::all_reduce;
  double bytes = 0;
  std::string algorithm;  // as stated; "" = automatic
  std::string protocol = "auto";
};

CollectiveCase collective_case(const MeasuredRow&, RulesUsed&);
bool collective_algorithm_known(const std::string& name);  // in the collective catalog
std::optional<double> measured_collective_time(const MeasuredRow&);

}  // namespace orrery
