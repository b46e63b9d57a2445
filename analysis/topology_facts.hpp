// What a wiring is worth, read off the graph of a built cluster: parts, distances, bandwidth of every level and of the
// bisection, path diversity, power and price. Nothing is simulated; routes are asked for latency only.
// Bandwidths are payload, one direction. Bisection: by the formula of the family where the whole machine is one regular
// network (Dally & Towles, Principles and Practices of Interconnection Networks, 2004, sections 3.3 and 5.2; tori and meshes
// of any sizes: Arjona Aroca & Fernandez Anta, IEEE TPDS 25(3), 2014), else by maximum flow between halves, which is exact
// for trees of equal branches and an upper bound otherwise.
// Exact distances up to 2048 devices; beyond, from a sample of devices (first, last, evenly between, and the farthest ones).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/network_item.hpp"

namespace orrery {

struct LinkFacts {  // of one class
  std::string name;
  std::size_t links = 0;                       // one direction each; a bundle is one
  std::size_t pairs = 0;                       // both directions together, where there are both
  double cables = 0;                           // of all pairs
  double slowed = 0, failed = 0;               // of these, one direction each
  double slowest = 0, fastest = 0, total = 0;  // B/s, of one cable and of all; failed ones left out
  double latency_s = 0;                        // longest
  std::optional<double> energy_J_per_byte;
};

struct LevelFacts {  // of the domains of one level that are wired alike
  DomainKind kind = DomainKind::network_switch;
  int level = 0;
  std::vector<int> dimensions;
  std::size_t domains = 0, smallest = 0, largest = 0;  // devices; the largest is the largest job that stays inside
  // Of one of the largest domains. None for the level that holds everything: there is nothing to leave it for.
  std::optional<double> bandwidth_out;  // B/s, minimum cut
  std::optional<double> bandwidth_out_per_device;
  double offered_per_device = 0;           // by the level below (at the innermost: by a device to its node)
  std::optional<double> oversubscription;  // offered over what leaves
  double disjoint_paths = 0;               // between its first and its last child that share no cable
};

struct DistanceFacts {
  std::uint32_t diameter_hops = 0;  // links on the fewest-hop path of the two most distant devices
  double diameter_latency_s = 0;    // of the routed path of the farthest pairs
  double mean_hops = 0;             // over pairs of different devices
  DeviceId from, to;                // a farthest pair
  double shortest_paths = 0;        // between them
  std::size_t sources = 0;          // devices that distances were taken from
  bool exact = false;
};

struct BisectionFacts {
  double bandwidth = 0;          // B/s, one direction
  std::size_t smaller_half = 0;  // devices
  double full = 0;  // what the weaker half can send out of its nodes (of its devices, with one node): 1 : 1
  bool exact = false;
  std::string method;  // "formula", "max-flow"
  std::string note;    // which formula, which halves
};

struct TopologyFacts {
  std::string name;
  std::vector<std::pair<std::string, std::size_t>> devices;  // by type
  std::size_t device_count = 0, nodes = 0, nics = 0, node_switches = 0, fabric_switches = 0, hosts = 0,
              memory_pools = 0;
  std::size_t vertices = 0;
  std::map<std::size_t, std::size_t> switch_ports;  // of the fabric's switches: how many have so many ports in use
  std::vector<LinkFacts> links;
  std::vector<LevelFacts> levels;         // innermost first
  std::optional<DistanceFacts> distance;  // none with a single device
  std::optional<BisectionFacts> bisection;
  std::optional<double> devices_power_W, host_power_W, links_power_W;  // data sheet, all links at full rate
  std::vector<NetworkItem> network;                                    // switches, NICs, cables
  // All of a kind, where all are known; NICs without those that host_power_W holds.
  std::optional<double> switches_power_W, nics_power_W, cables_power_W;
  std::optional<double> network_USD;                                                // where all prices are known
  std::optional<double> purchase_USD, rental_low_USD_per_h, rental_high_USD_per_h;  // accelerators alone
  std::vector<std::string> notes;                                                   // what is not known, and why
};

TopologyFacts topology_facts(const Cluster&, const std::vector<NetworkItem>& network = {});

// Switches of `radix` ports that the fabric takes at least: equal switches that share traffic evenly are one vertex.
std::size_t physical_switches(const TopologyFacts&, std::size_t radix);

// The name that the kind goes by in scenarios: "switch", "full-mesh", "torus", ...
std::string_view domain_kind_name(DomainKind);

}  // namespace orrery
