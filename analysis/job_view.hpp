// The records of one job, sorted out by device: which fragments are its measured iterations (the last ones completed),
// which devices stand for the job, and the records that each of them took part in. Only indices are stored (4 bytes per
// record and device). Iterations that overlap (of asynchronous workers) make one window, of which each counts as a share.
// A Program without representatives stands for the devices its queues name, each for itself.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/timeline.hpp"

namespace orrery {

inline constexpr std::size_t stream_count = stream_names.size();

// The part one device plays in an operation: its streams that the operation occupies.
struct Participation {
  std::uint32_t device = 0;         // position in JobView::devices()
  Stream stream = Stream::compute;  // of a transfer: the first that is not the compute stream, if there is one
  bool on_compute_stream = false;
};

class JobView {
 public:
  JobView(const Timeline&, std::uint16_t job, int measured_iterations = 1);

  const Timeline& timeline() const { return *timeline_; }
  bool completed() const { return completed_; }  // an iteration was completed; else the window is the job's whole time
  int iterations_in_window() const { return in_window_; }  // at least 1
  double window_start_s() const { return window_start_; }
  double window_end_s() const { return window_end_; }
  const std::vector<double>& iterations_s() const { return iterations_; }
  const std::vector<Representative>& devices() const { return devices_; }       // by device id
  std::span<const PersistentMemory> persistent() const { return persistent_; }  // by device id, then category

  bool several_stages() const;
  const Representative* find(DeviceId) const;  // null: the device does not stand for the job
  bool has(const Record& r) const { return queue_sets_of_[r.fragment] != other_job; }

  // Records of the job that device `i` takes part in and that overlap the window or change memory, in timeline order.
  std::span<const std::uint32_t> records_of(std::size_t i) const {
    return {by_device_.data() + begin_[i], by_device_.data() + begin_[i + 1]};
  }
  const Program& program_of(const Record& r) const { return *timeline_->fragments[r.fragment].program; }
  const Operation& operation_of(const Record& r) const { return program_of(r).operations[r.op.index()]; }
  // The devices of an operation, each once.
  std::span<const Participation> participants(const Record& r) const {
    const Operation& op = operation_of(r);
    if (!op.queues.valid()) return {};
    const QueueSets& sets = queue_sets_[queue_sets_of_[r.fragment]];
    const std::size_t s = op.queues.index();
    return {sets.members.data() + sets.begin[s], sets.members.data() + sets.begin[s + 1]};
  }
  // Share of the record's time that lies in the window; a record of no length counts whole when it lies inside.
  double share_in_window(const Record& r) const {
    if (r.end_s < window_start_ || r.start_s > window_end_) return 0;
    const double length = r.end_s - r.start_s;
    if (length <= 0) return 1;
    return std::max(0.0, std::min(r.end_s, window_end_) - std::max(r.start_s, window_start_)) / length;
  }

 private:
  static constexpr std::uint32_t other_job = ~std::uint32_t{0};
  struct QueueSets {  // of one Program
    std::vector<std::uint32_t> begin;
    std::vector<Participation> members;
  };
  void find_window(std::uint16_t job, int measured_iterations);
  void find_devices(std::uint16_t job);
  void index_queue_sets(const Program&);
  void sort_records();
  bool wanted(const Record&) const;

  const Timeline* timeline_;
  bool completed_ = false;
  int in_window_ = 1;
  double window_start_ = 0, window_end_ = 0;
  std::vector<double> iterations_;
  std::vector<Representative> devices_;
  std::vector<PersistentMemory> persistent_;
  std::vector<QueueSets> queue_sets_;         // by Program of the job
  std::vector<std::uint32_t> queue_sets_of_;  // by fragment: position in queue_sets_; or other_job
  std::vector<std::uint32_t> begin_, by_device_;
};

}  // namespace orrery
