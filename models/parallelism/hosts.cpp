#include "models/parallelism/hosts.hpp"

#include <map>
#include <utility>

namespace orrery {

std::vector<int> ranks_on_host(const Cluster& cluster, const std::vector<DeviceId>& devices) {
  using Host = std::pair<std::size_t, std::size_t>;  // pool, node of it
  const auto host_of = [&](DeviceId d) -> Host {
    for (std::size_t p = 0; p < cluster.pools.size(); ++p) {
      const Pool& pool = cluster.pools[p];
      if (d.index() >= pool.first_device && d.index() < pool.first_device + pool.devices)
        return {p, (d.index() - pool.first_device) / pool.devices_per_node};
    }
    return {cluster.pools.size(), d.index()};  // in no pool: alone
  };
  std::map<Host, int> ranks;
  for (DeviceId d : devices) ++ranks[host_of(d)];
  std::vector<int> of_rank;
  of_rank.reserve(devices.size());
  for (DeviceId d : devices) of_rank.push_back(ranks.at(host_of(d)));
  return of_rank;
}

}  // namespace orrery
