#include "analysis/kernel_profile.hpp"

#include <array>

namespace orrery {

std::string_view kernel_class_name(std::size_t kernel_class) {
  if (kernel_class < kernel_kind_names.size()) return kernel_kind_names[kernel_class];
  return kernel_class == host_launch_class ? "host launch" : "unknown";
}

bool counts_flops(KernelKind kind) {
  switch (kind) {
    case KernelKind::gemm:
    case KernelKind::attention:
    case KernelKind::attention_backward:
    case KernelKind::convolution:
    case KernelKind::stencil:
    case KernelKind::fft:
    case KernelKind::sparse_matrix_vector:
      return true;
    default:
      return false;
  }
}

const KernelProfile& KernelProfiles::of(const Program& program, SequenceId sequence, DeviceTypeId type, double speed) {
  if (const Key key{&program, type, speed}; !last_ || key != last_key_) {
    last_ = &known_[key];
    last_->resize(program.sequence_count());
    last_key_ = key;
  }
  KernelProfile& profile = (*last_)[sequence.index()];
  if (profile.shares.empty()) profile = compute(program, sequence, type, speed);
  return profile;
}

KernelProfile KernelProfiles::compute(const Program& program, SequenceId sequence, DeviceTypeId type, double speed) {
  const auto kernels = program.sequence(sequence);
  scratch_.clear();
  std::array<double, kernel_class_count> time{}, calibrated{};
  KernelProfile profile;
  double total = costs_.breakdown(type, kernels, {.clock = speed}, scratch_).value;
  time[host_launch_class] = total;
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const double seconds = scratch_[i].cost.time.value;
    time[static_cast<std::size_t>(kernels[i].kind)] += seconds;
    total += seconds;
    if (scratch_[i].calibrated) calibrated[static_cast<std::size_t>(kernels[i].kind)] += seconds;
    if (counts_flops(kernels[i].kind))
      profile.counted_flops += kernels[i].flops * kernels[i].repeat * kernels[i].counted;
  }
  profile.time_s = total;
  if (total <= 0) {
    profile.shares.push_back({unknown_class, 1, 0});
    return profile;
  }
  for (std::size_t c = 0; c < time.size(); ++c)
    if (time[c] > 0) profile.shares.push_back({c, time[c] / total, calibrated[c] / total});
  return profile;
}

}  // namespace orrery
