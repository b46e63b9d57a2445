#include "analysis/trace_scope.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "analysis/job_view.hpp"

namespace orrery {
namespace {

// Devices of the timeline in the order in which they are shown.
std::vector<DeviceId> in_order(const Timeline& timeline) {
  std::map<std::pair<std::uint16_t, std::int32_t>, std::vector<DeviceId>> by_stage;
  std::vector<const Program*> seen;
  std::vector<DeviceId> known;
  for (const FragmentRecord& fragment : timeline.fragments) {
    if (!fragment.program || std::find(seen.begin(), seen.end(), fragment.program.get()) != seen.end()) continue;
    seen.push_back(fragment.program.get());
    for (const Representative& r : fragment.program->devices) by_stage[{fragment.job, r.stage}].push_back(r.device);
    for (const Queue& q : fragment.program->queues) known.push_back(q.device);
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
  std::sort(known.begin(), known.end());  // without representatives: those the queues name
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

}  // namespace

TraceScope trace_scope(const Timeline& timeline, const TraceLimits& limits) {
  TraceScope scope;
  const auto leave_out = [&scope](const std::string& what) {
    scope.left_out += (scope.left_out.empty() ? "" : ", ") + what;
  };
  const std::vector<DeviceId> devices = in_order(timeline);
  const std::size_t shown = std::min(devices.size(), limits.devices.value_or(devices.size()));
  for (std::size_t i = 0; i < shown; ++i) {
    if (scope.shown.size() <= devices[i].index()) scope.shown.resize(devices[i].index() + 1, false);
    scope.shown[devices[i].index()] = true;
  }
  if (shown < devices.size()) leave_out(fmt::format("{} of {} simulated devices", shown, devices.size()));
  scope.end_s = timeline.end_s;
  if (!limits.iterations || timeline.fragments.empty()) return scope;
  std::uint16_t jobs = 0;
  for (const FragmentRecord& f : timeline.fragments) jobs = std::max(jobs, static_cast<std::uint16_t>(f.job + 1));
  double start = timeline.end_s, end = 0;
  for (std::uint16_t job = 0; job < jobs; ++job) {
    const JobView view(timeline, job, *limits.iterations);
    start = std::min(start, view.window_start_s());
    end = std::max(end, view.window_end_s());
  }
  const auto outside = [&](const FragmentRecord& f) { return f.end_s <= start || f.start_s >= end; };
  const auto hidden = std::count_if(timeline.fragments.begin(), timeline.fragments.end(), outside);
  if (hidden == 0) return scope;
  scope.start_s = start;
  scope.end_s = end;
  leave_out(fmt::format("{} of {} iterations", std::ssize(timeline.fragments) - hidden, timeline.fragments.size()));
  return scope;
}

}  // namespace orrery
