// Whether a device was idle for the sake of another: an operation starts the moment the last of what it waited for ends (the
// engine has no delays in between), so whoever ended at that moment on another device is whom the device waited for. Looked
// at are the operation's dependencies, the queues of the other devices that take part in it and, at the start of an iteration
// and at its end, whatever closed the iteration. Of a message that comes in while the device waits for something else only the
// device's own chain tells: from the Compute that ended the wait back over the transfers that it waited for.
// What of it is pipeline bubble and what is due to slow devices, analysis/even_pace.hpp tells.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "analysis/job_view.hpp"
#include "analysis/record_index.hpp"
#include "analysis/time_split.hpp"

namespace orrery {

class IdleCauses {
 public:
  IdleCauses(const JobView& view, RecordIndex& index) : view_(view), index_(index) {}
  // Whether another device was why `device` (position in JobView::devices()) was idle until `to`, where `record` started;
  // `compute`: the next on its compute stream. Either may be window_end.
  bool others(double to, std::uint32_t record, std::uint32_t compute, std::size_t device);

 private:
  std::uint32_t waiting_record(std::uint32_t record, std::uint32_t compute, double until, std::size_t device);
  bool waits_for_others(std::uint32_t record, std::size_t device);
  std::vector<std::uint32_t> ended_dependencies(std::uint32_t record);
  void ended_with(const Record& waiting, OpId call, OpId awaited, std::vector<std::uint32_t>& ended);
  bool has_partner(std::uint32_t record, std::size_t device) const;
  Record entering(std::uint32_t record) const;
  std::uint32_t ended_in_queue(std::uint32_t record, std::size_t device) const;
  bool involves_others(const Record&, std::size_t device) const;
  bool closed_by_others(double time, std::size_t device);

  const JobView& view_;
  RecordIndex& index_;
  std::map<double, std::vector<std::uint32_t>> closers_;  // devices, by time
  std::uint32_t last_record_ = window_end;                // what ended the wait that was asked about last
  std::size_t last_device_ = ~std::size_t{0};
  bool last_ = false;
};

}  // namespace orrery
