// Small clusters of plain numbers for tests of topologies and collectives.
// Scale-up links of 100 GB/s and 1 us, NICs of 25 GB/s and 2 us; no efficiency below 1.
#pragma once

#include <map>
#include <vector>

#include "sim/error.hpp"
#include "topologies/cluster_spec.hpp"
#include "topologies/wiring.hpp"

namespace orrery::testing {

inline LinkModel link(const char* name, double bandwidth, double latency) {
  LinkModel model;
  model.name = name;
  model.bandwidth_per_direction = BytesPerSecond(bandwidth);
  model.latency = Seconds(latency);
  return model;
}

// Without a number of links, one of 100 GB/s stands for all that a device has.
inline NodeModel node_of(const char* kind, int devices, std::vector<int> dimensions = {}, int links = 0) {
  NodeModel node;
  node.name = kind;
  node.device.name = "device";
  node.devices = devices;
  node.scale_up.kind = kind;
  if (std::string(kind) != "none") node.scale_up.link = link("fast", 100e9, 1e-6);
  if (links > 0) node.scale_up.links_per_device = links;
  node.scale_up.dimensions = std::move(dimensions);
  return node;
}

inline NodeModel with_nics(NodeModel node, int nics) {
  node.nics = NicSpec{link("nic", 25e9, 2e-6), nics, {}, {}};
  return node;
}

inline NodeModel switch_node(int devices, int nics) { return with_nics(node_of("switch", devices), nics); }

inline ClusterSpec nodes_of(NodeModel node, int count, const char* fabric) {
  ClusterSpec spec;
  spec.name = node.name + " x" + std::to_string(count) + " " + fabric;
  spec.pools.push_back({"", std::move(node), count, {}, 1});
  spec.fabric.kind = fabric;
  return spec;
}

std::vector<ClusterSpec> sample_clusters();

// The first fault of a wiring; pointer "built" when it has none.
Fault fault_of(const ClusterSpec&);

}  // namespace orrery::testing
