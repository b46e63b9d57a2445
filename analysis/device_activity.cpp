#include "analysis/device_activity.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace orrery {

std::string communication_class_name(std::size_t c) {
  const std::size_t pair = c / 2;
  const std::string_view collective = collective_names[pair / stream_count], stream = stream_names[pair % stream_count];
  const std::string_view without = static_cast<Stream>(pair % stream_count) == Stream::host ? "work" : "transfer";
  return fmt::format("{} ({})", collective == "none" ? without : collective, stream);
}

void DeviceActivity::add(const DeviceActivity& other, double weight) {
  time.compute_s += weight * other.time.compute_s;
  time.exposed_s += weight * other.time.exposed_s;
  time.for_others_s += weight * other.time.for_others_s;
  time.other_s += weight * other.time.other_s;
  bubble_s += weight * other.bubble_s;
  const auto accumulate = [weight](auto& to, const auto& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += weight * from[i];
  };
  accumulate(compute_by_kernel, other.compute_by_kernel);
  accumulate(calibrated_by_kernel, other.calibrated_by_kernel);
  accumulate(compute_by_phase, other.compute_by_phase);
  accumulate(exposed, other.exposed);
  accumulate(in_flight, other.in_flight);
  flops += weight * other.flops;
  compute_energy_J += weight * other.compute_energy_J;
}

DeviceActivity ActivityMeter::of(std::size_t device) {
  DeviceActivity activity;
  compute_.clear();
  transfers_.clear();
  for (const std::uint32_t r : view_.records_of(device)) {
    const Record& record = view_.timeline().records[r];
    const double share = view_.share_in_window(record);
    if (share <= 0) continue;
    const Operation& op = view_.operation_of(record);
    Participation part;
    for (const Participation& p : view_.participants(record))
      if (p.device == device) part = p;
    if (op.kind == OpKind::compute) {
      add_compute(r, share, view_.devices()[device].device, part.on_compute_stream, activity);
    } else if (op.kind == OpKind::transfer) {
      const std::size_t c = communication_class(op.label.collective, part.stream,
                                                leaves_node(view_.program_of(record), op.pattern));
      transfers_.push_back({record.start_s, record.end_s, static_cast<std::uint32_t>(c), r});
      activity.in_flight[c] += share * (record.end_s - record.start_s);
    }
  }
  const auto for_others = [this, device](double to, std::uint32_t record, std::uint32_t compute) {
    return causes_.others(to, record, compute, device);
  };
  activity.time = split_time(view_.window_start_s(), view_.window_end_s(), compute_, transfers_,
                             std::span<double>(activity.exposed), for_others);
  activity.bubble_s = bubble_s(device, activity.time);
  return activity;
}

// Idle for others: without a pipeline, for those that are slower; in one, as bubble for as long as the device would have
// been idle had nobody been slow.
double ActivityMeter::bubble_s(std::size_t device, const TimeSplit& time) const {
  if (!view_.several_stages()) return 0;
  if (!even_.differs()) return time.for_others_s;
  return std::clamp(even_.idle_s(device) - time.other_s, 0.0, time.for_others_s);
}

bool ActivityMeter::leaves_node(const Program& program, PatternId pattern) {
  if (!pattern.valid()) return false;
  std::vector<std::optional<bool>>& known = leaves_[&program];
  if (known.size() <= pattern.index()) known.resize(pattern.index() + 1);
  std::optional<bool>& leaves = known[pattern.index()];
  if (!leaves)
    leaves = std::ranges::any_of(program.pattern(pattern), [this](const Flow& flow) {
      return cluster_.fabric.vertex(flow.from).node != cluster_.fabric.vertex(flow.to).node;
    });
  return *leaves;
}

void ActivityMeter::add_compute(std::uint32_t r, double share, DeviceId device, bool on_compute_stream,
                                DeviceActivity& activity) {
  const Record& record = view_.timeline().records[r];
  const Operation& op = view_.operation_of(record);
  const double seconds = share * (record.end_s - record.start_s);
  activity.compute_energy_J += share * record.energy_J;
  if (op.sequence.valid()) {
    const KernelProfile& profile = profiles_.of(view_.program_of(record), op.sequence, cluster_.type_of[device.index()],
                                                speed_of(cluster_, device));
    activity.flops += share * profile.counted_flops;
    if (on_compute_stream) {
      for (const KernelShare& k : profile.shares) {
        activity.compute_by_kernel[k.kernel_class] += seconds * k.share;
        activity.calibrated_by_kernel[k.kernel_class] += seconds * k.calibrated;
      }
    }
  } else if (on_compute_stream) {
    activity.compute_by_kernel[unknown_class] += seconds;
  }
  if (!on_compute_stream) return;
  activity.compute_by_phase[static_cast<std::size_t>(op.label.phase)] += seconds;
  compute_.push_back({record.start_s, record.end_s, 0, r});
}

}  // namespace orrery
