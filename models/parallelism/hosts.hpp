// Which ranks of a job stand in the same node, and so share the processors of its host. Devices of a pool are numbered node
// by node, and a node is taken to have one host, however many sockets that has.
#pragma once

#include <vector>

#include "sim/cluster.hpp"

namespace orrery {

// By rank: ranks on its host, itself included. `devices`: the device of each rank.
std::vector<int> ranks_on_host(const Cluster&, const std::vector<DeviceId>& devices);

}  // namespace orrery
