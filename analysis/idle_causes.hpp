// Why a device was idle: an operation starts the moment the last of what it waited for ends (the engine has no delays in
// between), so whoever ended at that moment on another device is whom the device waited for. Looked at are the operation's
// dependencies, the queues of the other devices that take part in it and, at the start of an iteration and at its end,
// whatever closed the iteration. Only the last to end is asked, not what delayed that in turn: a stage that waits for
// another stage which itself waited for a straggler counts as waiting for the other stage.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "analysis/job_view.hpp"
#include "analysis/time_split.hpp"

namespace orrery {

class IdleCauses {
 public:
  explicit IdleCauses(const JobView& view) : view_(view) {}
  // Why `device` (position in JobView::devices()) was idle until this record started.
  IdleCause before(std::uint32_t record, std::size_t device);
  IdleCause before_end(std::size_t device);  // ... until the window ended

 private:
  using Stages = std::vector<std::int32_t>;  // those waited for; each once or oftener
  struct OfFragment {
    std::vector<std::uint32_t> outside;               // by operation, of those that no Call ran
    std::vector<std::vector<std::uint32_t>> of_call;  // by Call, in order of their operations
  };
  void add_dependencies(std::uint32_t record, std::size_t device, Stages&);
  void ended_with(const Record& waiting, OpId call, OpId awaited, std::vector<std::uint32_t>& ended);
  void add_partners(std::uint32_t record, std::size_t device, Stages&) const;
  void add_devices(const Record&, std::size_t except, Stages&) const;
  const Stages& closers(double time);
  const OfFragment& of_fragment(std::uint32_t fragment);
  IdleCause judge(const Stages&, std::size_t device) const;

  const JobView& view_;
  std::vector<OfFragment> fragments_;  // filled when first asked for
  std::map<double, Stages> closers_;   // by time
};

}  // namespace orrery
