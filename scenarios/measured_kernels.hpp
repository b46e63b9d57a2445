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
  std::vector<Kernel> kernels;  // run one after the other
  double counted_flops = 0;     // as the source counts them
  double counted_bytes = 0;
};

// Throws CannotSimulate for kernels that are not modelled.
KernelCase kernel_case(const MeasuredRow&, RulesUsed&);
// Seconds: printed, or from the printed rate and what was counted; none when the row has neither.
std::optional<double> measured_kernel_time(const MeasuredRow&, const KernelCase&);

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
