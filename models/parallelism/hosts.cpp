#include "models/parallelism/hosts.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace orrery {

std::vector<int> ranks_on_host(const Cluster& cluster, const std::vector<DeviceId>& devices) {
  using Host = std::pair<std::size_t, std::size_t>;  // pool, node of it
  const auto host_of = [&](DeviceId d) -> Host {
    const auto after = std::ranges::upper_bound(cluster.pools, d.index(), {}, &Pool::first_device);
    if (after == cluster.pools.begin()) return {cluster.pools.size(), d.index()};  // in no pool: alone
    const auto pool = std::prev(after);
    if (d.index() >= pool->first_device + pool->devices) return {cluster.pools.size(), d.index()};
    return {static_cast<std::size_t>(pool - cluster.pools.begin()),
            (d.index() - pool->first_device) / pool->devices_per_node};
  };
  std::map<Host, int> ranks;
  for (DeviceId d : devices) ++ranks[host_of(d)];
  std::vector<int> of_rank;
  of_rank.reserve(devices.size());
  for (DeviceId d : devices) of_rank.push_back(ranks.at(host_of(d)));
  return of_rank;
}

}  // namespace orrery
