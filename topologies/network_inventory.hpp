// What a fabric is built of: switches, NICs and cables, counted while it is wired, with the power and price of the parts
// that its links name (LinkModel) or that the scenario puts in their place.
// A vertex that stands for several equal switches (spines under ideal spreading) takes at least its cables over the ports of
// one; a switch that is not full is still a whole one. A vertex that is one non-blocking switch with more cables than the
// part has ports is a folded Clos of such parts, as chassis are: for N cables (2L - 1) N / p parts of p ports, L the least
// with 2 (p / 2)^L >= N (Leiserson 1985; Al-Fares et al. 2008); cables inside it are not counted. Switches inside
// nodes belong to the nodes. Nothing is said of optical amplifiers, patch panels, spares or management networks.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/network_item.hpp"
#include "topologies/cluster_spec.hpp"

namespace orrery {

class NetworkInventory {
 public:
  void nics(const NicSpec&, int cables, bool in_host_power);
  void cables(const std::optional<NetworkPart>&, const std::string& link, double count);
  // Cables into a vertex that stands for switches of so many ports each, or (not merged) for one switch made of these.
  void switch_ports(VertexId, const std::optional<NetworkPart>&, const std::string& link, double cables, int ports,
                    bool merged);
  // Switches that a vertex stands for, however many cables they take.
  void switches(VertexId, const std::optional<NetworkPart>&, const std::string& link, int count);

  std::vector<NetworkItem> items() const;  // switches, NICs, cables

 private:
  struct Seat {  // a vertex
    NetworkItem item;
    double cables = 0;
    int ports = 0, switches = 0;
    bool merged = false;
  };
  std::vector<NetworkItem> counted_;  // NICs and cables, equal ones together
  std::map<VertexId, Seat> seats_;
};

// As build_cluster, and what the fabric is built of.
Cluster build_cluster(const ClusterSpec&, std::vector<NetworkItem>& network);

}  // namespace orrery
