#include "analysis/trace_scope.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "analysis/job_view.hpp"

namespace orrery {
namespace {

// Devices of the timeline in the order in which they are shown: the representatives, then others that have slices.
std::vector<DeviceId> in_order(const Timeline& timeline, const std::vector<std::size_t>& slices) {
  std::map<std::pair<std::uint16_t, std::int32_t>, std::vector<DeviceId>> by_stage;
  std::vector<const Program*> seen;
  std::vector<DeviceId> known;
  for (const FragmentRecord& fragment : timeline.fragments) {
    if (!fragment.program || std::find(seen.begin(), seen.end(), fragment.program.get()) != seen.end()) continue;
    seen.push_back(fragment.program.get());
    for (const Representative& r : fragment.program->devices) by_stage[{fragment.job, r.stage}].push_back(r.device);
    for (const Queue& q : fragment.program->queues)
      if (q.device.index() < slices.size() && slices[q.device.index()] > 0) known.push_back(q.device);
  }
  std::vector<DeviceId> order;
  const auto most = [&] {
    std::size_t longest = 0;
    for (const auto& [stage, devices] : by_stage) longest = std::max(longest, devices.size());
    return longest;
  };
  for (std::size_t i = 0, n = most(); i < n; ++i)
    for (const auto& [stage, devices] : by_stage)
      if (i < devices.size()) order.push_back(devices[i]);
  std::sort(known.begin(), known.end());
  order.insert(order.end(), known.begin(), known.end());
  std::vector<DeviceId> once;
  std::vector<bool> taken;
  for (const DeviceId d : order) {
    if (taken.size() <= d.index()) taken.resize(d.index() + 1, false);
    if (!taken[d.index()]) once.push_back(d);
    taken[d.index()] = true;
  }
  return once;
}

// By device: operations on its streams in the scope's time, and the kernels in them.
std::vector<std::size_t> slices_of(const Timeline& timeline, const TraceScope& scope) {
  std::vector<std::size_t> slices;
  for (const Record& record : timeline.records) {
    if (!scope.shows(record)) continue;
    const Program& program = *timeline.fragments[record.fragment].program;
    const Operation& op = program.operations[record.op.index()];
    std::size_t kernels = op.sequence.valid() ? program.sequence(op.sequence).size() : 0;
    for (const QueueId q : program.queues_of(op)) {
      const std::size_t device = program.queues[q.index()].device.index();
      if (slices.size() <= device) slices.resize(device + 1, 0);
      slices[device] += 1 + kernels;
      kernels = 0;  // shown on the first only
    }
  }
  return slices;
}

void choose_devices(const Timeline& timeline, const TraceLimits& limits, TraceScope& scope) {
  const std::vector<std::size_t> slices = slices_of(timeline, scope);
  const std::vector<DeviceId> devices = in_order(timeline, slices);
  std::size_t shown = 0, total = 0;
  for (const DeviceId d : devices) {
    total += d.index() < slices.size() ? slices[d.index()] : 0;
    if (limits.devices && shown == *limits.devices) break;
    if (limits.slices && shown > 0 && total > *limits.slices) break;
    if (scope.shown.size() <= d.index()) scope.shown.resize(d.index() + 1, false);
    scope.shown[d.index()] = true;
    ++shown;
  }
  if (shown < devices.size()) scope.left_out = fmt::format("{} of {} simulated devices", shown, devices.size());
}

// From the first start of an iteration shown to the last end.
void choose_time(const Timeline& timeline, int iterations, TraceScope& scope) {
  std::uint16_t jobs = 0;
  for (const FragmentRecord& f : timeline.fragments) jobs = std::max(jobs, static_cast<std::uint16_t>(f.job + 1));
  double start = timeline.end_s, end = 0;
  for (std::uint16_t job = 0; job < jobs; ++job) {
    const JobView view(timeline, job, iterations);
    start = std::min(start, view.window_start_s());
    end = std::max(end, view.window_end_s());
  }
  scope.start_s = start;
  scope.end_s = end;
}

}  // namespace

TraceScope trace_scope(const Timeline& timeline, const TraceLimits& limits) {
  TraceScope scope;
  scope.end_s = timeline.end_s;
  if (limits.iterations && !timeline.fragments.empty()) choose_time(timeline, *limits.iterations, scope);
  choose_devices(timeline, limits, scope);
  const auto inside = [&](const FragmentRecord& f) { return f.end_s > scope.start_s && f.start_s < scope.end_s; };
  const auto shown = std::count_if(timeline.fragments.begin(), timeline.fragments.end(), inside);
  if (shown < std::ssize(timeline.fragments))
    scope.left_out += fmt::format("{}{} of {} iterations", scope.left_out.empty() ? "" : ", ", shown,
                                  timeline.fragments.size());
  return scope;
}

}  // namespace orrery
