// The machine: a fabric, its router, and the device model of every device. Built once from a scenario (topologies/) and
// never changed afterwards.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/device.hpp"
#include "sim/fabric.hpp"

namespace orrery {

struct Pool {  // a contiguous range of equal devices
  std::string name;
  DeviceTypeId type;
  std::size_t first_device = 0, devices = 0, devices_per_node = 1;
  std::string nic_link = {};  // the link of its NICs; "" where it has none
};

// Memory behind the hosts of one or several nodes (CXL expanders): a place in the fabric that transfers start from or end at.
struct MemoryPool {
  std::string name;
  VertexId place;
  Bytes capacity{0};
};

struct Cluster {
  std::string name;
  Fabric fabric;
  std::unique_ptr<Router> router;
  std::vector<DeviceModel> device_types;
  std::vector<Pool> pools;
  std::vector<DeviceTypeId> type_of;  // by device
  std::vector<double> speed;          // by device: 1 = nominal; a straggler has less (scales its clock)
  std::vector<MemoryPool> memory_pools;
  static constexpr std::uint32_t no_memory_pool = ~0u;
  std::vector<std::uint32_t> memory_pool_of;  // by device: which of them it uses; empty: there are none
  std::vector<VertexId> host_of;              // by device: the host it reaches that memory through
  std::vector<Watts> host_power;  // by device type: its share of host, fans and NICs of its node, drawn all the time

  const DeviceModel& model_of(DeviceId d) const { return device_types[type_of[d.index()].index()]; }
  // The memory pool behind a device's host; null: it has none.
  const MemoryPool* memory_pool(DeviceId d) const {
    const bool has = d.index() < memory_pool_of.size() && memory_pool_of[d.index()] != no_memory_pool;
    return has ? &memory_pools[memory_pool_of[d.index()]] : nullptr;
  }
  Watts host_power_of(DeviceId d) const {
    const std::size_t type = type_of[d.index()].index();
    return type < host_power.size() ? host_power[type] : Watts(0);
  }
};

}  // namespace orrery
