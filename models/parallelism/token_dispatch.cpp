#include "models/parallelism/token_dispatch.hpp"

#include <algorithm>

#include "kernels/collectives/group.hpp"

namespace orrery {

// With n places that hold equally many of E experts, a place is left out with the chance that none of the k choices falls
// on its E/n.
double TokenDispatch::bytes_sent(const Cluster& cluster, const std::vector<DeviceId>& group, GroupFamily family,
                                 CollectiveKind kind, double bytes) const {
  if (chosen == 0 || kind != CollectiveKind::all_to_all || family != GroupFamily::experts) return bytes;
  const std::size_t nodes = make_group(cluster, group).nodes.size();
  const auto places = static_cast<double>(nodes > 1 ? nodes : group.size());
  const double here = all / places;
  double missed = 1;
  for (int i = 0; i < chosen; ++i) missed *= std::max(0.0, all - here - i) / (all - i);
  return bytes * (places * (1 - missed) / chosen);
}

TokenDispatch token_dispatch(const TransformerModel& model, const SoftwareProfile& software) {
  if (!model.experts || !software.fused_dispatch) return {};
  return {model.experts->active, model.experts->count};
}

}  // namespace orrery
