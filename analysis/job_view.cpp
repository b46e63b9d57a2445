#include "analysis/job_view.hpp"

#include <algorithm>

namespace orrery {
namespace {

std::vector<Representative> representatives_of(const Program& program) {
  if (!program.devices.empty()) return program.devices;
  std::vector<Representative> all;
  for (const Queue& queue : program.queues) all.push_back({queue.device, 1, 0});
  return all;
}

}  // namespace

JobView::JobView(const Timeline& timeline, std::uint16_t job, int measured_iterations) : timeline_(&timeline) {
  find_window(job, measured_iterations);
  find_devices(job);
  queue_sets_of_.assign(timeline.fragments.size(), other_job);
  std::map<const Program*, std::uint32_t> known;  // only looked up, so the order of addresses does not matter
  for (std::size_t f = 0; f < timeline.fragments.size(); ++f) {
    const FragmentRecord& fragment = timeline.fragments[f];
    if (fragment.job != job || !fragment.program) continue;
    auto [entry, fresh] = known.try_emplace(fragment.program.get(), static_cast<std::uint32_t>(queue_sets_.size()));
    if (fresh) index_queue_sets(*fragment.program);
    queue_sets_of_[f] = entry->second;
  }
  sort_records();
}

void JobView::find_window(std::uint16_t job, int measured_iterations) {
  std::vector<const FragmentRecord*> window, all;
  for (const FragmentRecord& fragment : timeline_->fragments) {
    if (fragment.job != job) continue;
    all.push_back(&fragment);
    if (fragment.cancelled) continue;
    iterations_.push_back(fragment.end_s - fragment.start_s);
    window.push_back(&fragment);
  }
  completed_ = !window.empty();
  // The last to finish; of those that finish together, the last submitted.
  std::stable_sort(window.begin(), window.end(),
                   [](const FragmentRecord* a, const FragmentRecord* b) { return a->end_s < b->end_s; });
  const auto wanted = static_cast<std::size_t>(std::max(1, measured_iterations));
  if (window.size() > wanted) window.erase(window.begin(), window.end() - static_cast<std::ptrdiff_t>(wanted));
  in_window_ = std::max(1, static_cast<int>(window.size()));
  if (!completed_) window = all;
  if (window.empty()) return;
  window_start_ = window.front()->start_s;
  window_end_ = window.front()->end_s;
  for (const FragmentRecord* fragment : window) {
    window_start_ = std::min(window_start_, fragment->start_s);
    window_end_ = std::max(window_end_, fragment->end_s);
  }
}

// Whoever runs a fragment that overlaps the window stands for the job: the iterations of a synchronous job, or what all
// workers of an asynchronous one were doing meanwhile.
void JobView::find_devices(std::uint16_t job) {
  std::map<DeviceId, Representative> by_id;
  std::map<std::pair<DeviceId, MemoryCategory>, double> held;
  for (const FragmentRecord& fragment : timeline_->fragments) {
    if (fragment.job != job || !fragment.program) continue;
    const bool overlaps = fragment.start_s < window_end_ && fragment.end_s > window_start_;
    const bool is_window = fragment.start_s == window_start_ && fragment.end_s == window_end_;
    if (!overlaps && !is_window) continue;
    for (const Representative& r : representatives_of(*fragment.program)) by_id.insert_or_assign(r.device, r);
    std::map<std::pair<DeviceId, MemoryCategory>, double> here;
    for (const PersistentMemory& p : fragment.program->persistent) here[{p.device, p.category}] += p.bytes;
    for (const auto& [key, bytes] : here) held.insert_or_assign(key, bytes);
  }
  for (const auto& [id, representative] : by_id) devices_.push_back(representative);
  for (const auto& [key, bytes] : held) persistent_.push_back({key.first, key.second, bytes});
}

void JobView::index_queue_sets(const Program& program) {
  QueueSets sets;
  const std::size_t count = program.queue_set_begin.empty() ? 0 : program.queue_set_begin.size() - 1;
  for (std::size_t s = 0; s < count; ++s) {
    sets.begin.push_back(static_cast<std::uint32_t>(sets.members.size()));
    const auto first = static_cast<std::ptrdiff_t>(sets.members.size());
    for (std::uint32_t q = program.queue_set_begin[s]; q < program.queue_set_begin[s + 1]; ++q) {
      const Queue& queue = program.queues[program.queue_sets[q].index()];
      const Representative* at = find(queue.device);
      if (!at) continue;
      const auto device = static_cast<std::uint32_t>(at - devices_.data());
      auto member = std::find_if(sets.members.begin() + first, sets.members.end(),
                                 [&](const Participation& p) { return p.device == device; });
      if (member == sets.members.end()) {
        sets.members.push_back({device, queue.stream, false});
        member = sets.members.end() - 1;
      }
      if (queue.stream == Stream::compute) member->on_compute_stream = true;
      if (member->stream == Stream::compute) member->stream = queue.stream;
    }
  }
  sets.begin.push_back(static_cast<std::uint32_t>(sets.members.size()));
  queue_sets_.push_back(std::move(sets));
}

bool JobView::several_stages() const {
  return std::any_of(devices_.begin(), devices_.end(),
                     [this](const Representative& r) { return r.stage != devices_.front().stage; });
}

const Representative* JobView::find(DeviceId id) const {
  const auto at = std::lower_bound(devices_.begin(), devices_.end(), id,
                                   [](const Representative& r, DeviceId wanted) { return r.device < wanted; });
  return at == devices_.end() || at->device != id ? nullptr : &*at;
}

bool JobView::wanted(const Record& record) const {
  if (!has(record)) return false;
  const Operation& op = operation_of(record);
  return op.memory.valid() || (record.end_s >= window_start_ && record.start_s <= window_end_);
}

void JobView::sort_records() {
  std::vector<std::vector<std::uint32_t>> of_device(devices_.size());
  for (std::size_t r = 0; r < timeline_->records.size(); ++r) {
    const Record& record = timeline_->records[r];
    if (!wanted(record)) continue;
    for (const Participation& p : participants(record)) of_device[p.device].push_back(static_cast<std::uint32_t>(r));
  }
  begin_.assign(1, 0);
  for (const auto& records : of_device) begin_.push_back(begin_.back() + static_cast<std::uint32_t>(records.size()));
  by_device_.reserve(begin_.back());
  for (auto& records : of_device) {
    by_device_.insert(by_device_.end(), records.begin(), records.end());
    records = {};
  }
}

}  // namespace orrery
