// The machine that `orrery topology` and `orrery collective` look at: a scenario (its cluster), a cluster object, or one
// node model, as a file or by name. A node is repeated as often as wanted and joined by the tree of scenarios/assumed_tree.hpp
// (the assumption of `orrery validate` for machines that say no more).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/network_item.hpp"
#include "topologies/cluster_spec.hpp"

namespace orrery {

struct ClusterRequest {
  std::string name;                      // file or name
  std::vector<std::string> assignments;  // "/json/pointer=VALUE", of the document that was named
  std::optional<std::int64_t> nodes;     // of a node model
  std::int64_t devices = 1;              // at least; of a node model without `nodes`
  std::int64_t least_nodes = 1;          // the same
  bool reduces = false;                  // the switches that join the nodes of a node model do
};

struct ClusterTarget {
  ClusterSpec spec;
  Cluster cluster;
  std::vector<NetworkItem> network;  // what its fabric is built of
  std::string file;                  // where it was read
  std::string pointer;               // of the cluster in it
  bool from_node = false;            // nodes and fabric are ours
  std::vector<std::string> notes;    // what was assumed
};

// Throws SpecError for a bad document or an impossible wiring, UsageError for a name that means nothing.
ClusterTarget load_cluster(const ClusterRequest&, const Library&);

}  // namespace orrery
