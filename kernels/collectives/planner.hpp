// Plans many collectives on one cluster. What follows from the wiring (the group, the options and their routed traffic) is
// remembered, so that another buffer over the same members costs the choice only. Plans are those of plan_collective but
// for `why`, which is left empty. Schedules of the user's own take the place of whatever a library would run: the first
// of them that is made for the kind of collective, so many members and such a buffer.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/collective_shape.hpp"

namespace orrery {

class CollectivePlanner {
 public:
  explicit CollectivePlanner(const Cluster&, UserSchedules own = {});
  ~CollectivePlanner();
  CollectivePlan plan(const CollectiveRequest&);

 private:
  struct Wired;
  const Wired& wired_for(CollectiveKind, const std::vector<DeviceId>& members);
  const Cluster& cluster_;
  UserSchedules own_;
  std::map<std::pair<CollectiveKind, std::vector<DeviceId>>, std::unique_ptr<Wired>> kept_;
  std::size_t kept_members_ = 0;
};

}  // namespace orrery
