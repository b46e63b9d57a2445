// What a scenario says of the machine: pools of nodes, how the devices inside a node are wired (scale-up) and how nodes
// are joined (the scale-out fabric). Named parts live in models/hardware/{nodes,accelerators,links}.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/device.hpp"
#include "sim/spec.hpp"

namespace orrery {

// What a network is built of besides the accelerators' own links; models/hardware/network. Power is drawn all the time,
// whatever crosses: that of a switch with passive copper in its ports, that of a cable of both its ends together.
struct NetworkPart {
  std::string name, title;
  std::string kind = "switch";  // nic, cable
  std::optional<int> ports;     // of a switch, each for one cable of the link that names it
  std::optional<Watts> power;
  std::optional<Dollars> price;  // of one, bought
  std::string as_of;             // when and by whom that price was asked
  Json notes, sources;
};

struct LinkModel {  // one link or port, one way; models/hardware/links
  std::string name, title;
  std::string kind = "scale-up";  // JSON key "class"
  BytesPerSecond bandwidth_per_direction{0};
  std::optional<int> lanes;
  std::optional<Seconds> latency;  // one hop
  std::optional<JoulesPerByte> energy;
  std::optional<double> efficiency;  // payload share of the line rate
  std::optional<Seconds> reconfiguration_time;
  std::optional<int> ports;
  std::optional<bool> in_network_reduction;  // switches of this generation can reduce (NVLink SHARP)
  // What usually drives and joins such links; parts "hardware/network".
  std::optional<NetworkPart> network_switch, adapter, cable;
  Json notes, sources;
};

struct ScaleUpSpec {
  std::string kind = "switch";    // a row of the topology catalog: switch, full-mesh, torus, ring, pcie, ...
  std::optional<LinkModel> link;  // part "hardware/links"
  std::optional<int> links_per_device;
  std::vector<int> dimensions;               // torus, mesh
  std::optional<LinkModel> optical_link;     // torus of cubes: the optical switches that join them; "hardware/links"
  std::optional<bool> in_network_reduction;  // NVLink SHARP; absent: as the link generation has it
  Json options;                              // family-specific settings, read by the family (custom: the list of links)
};

struct NicSpec {
  LinkModel link;
  int count = 1;                              // per node
  std::optional<NetworkPart> adapter, cable;  // absent: the link's
};

struct NodeModel {  // the unit that is replicated: devices that share one scale-up network
  std::string name, title;
  DeviceModel device;
  int devices = 1;
  ScaleUpSpec scale_up;
  std::optional<NicSpec> nics;
  std::optional<Watts> host_power;  // of the node without its accelerators
  Json notes, sources;
};

struct PoolSpec {
  std::string name;
  NodeModel node;  // part "hardware/nodes"
  int count = 1;
  std::vector<int> slow_devices;  // stragglers: indices in the pool ...
  double slow_factor = 1;         // ... and the speed they run at (1 = nominal)
};

struct FabricSpec {               // joins the NICs of all nodes
  std::string kind = "fat-tree";  // a row of the topology catalog: none, single-switch, fat-tree, ...
  std::optional<LinkModel> link;  // absent: the NICs' own link
  int levels = 2;
  int radix = 40;                                    // ports per switch
  double oversubscription = 1;                       // downlink : uplink bandwidth at a leaf
  bool rail_optimized = false;                       // NIC i of every node on leaf switches of rail i
  std::string ecmp = "ideal";                        // ideal: even spreading; hash: one path per flow
  std::int64_t seed = 1;                             // of the hash
  std::optional<NetworkPart> network_switch, cable;  // absent: those of the link; JSON "switch", "cable"
  Json options;                                      // family-specific settings, read by the family
  std::vector<FabricSpec> inside;                    // wide-area: the fabric of every region, or of each
};

struct MemoryPoolSpec {  // CXL memory that the hosts of some nodes share through a switch
  std::string name;
  int pool = 0;    // of nodes, by position
  int nodes = 1;   // consecutive ones that share one
  LinkModel link;  // of a host, and of an expander, to the switch
  int links_per_node = 1, expanders = 1;
  bool interleaved = true;  // a device spreads over all expanders of the pool; else it uses one of them
  std::optional<BytesPerSecond> expander_bandwidth;  // of its memory, if less than its link's
  Bytes capacity{0};                                 // of one expander
  Seconds switch_latency{0};
};

struct
    DegradedSpec {  // cables that are slower than they should be, or failed: of a class of links, or of a place, or both
  std::optional<std::string> link;                  // a class by its name: "infiniband-ndr-400"
  std::optional<std::string> at;                    // all cables of a place: "switch 3", "nic 12", "device 0"
  std::optional<std::vector<std::string>> between;  // the cables between two places
  double share = 1;                                 // of these cables, drawn with the seed
  std::int64_t seed = 1;
  double rate = 0;  // of the nominal bandwidth; 0: failed
};

struct ClusterSpec {
  std::string name, description;
  std::vector<PoolSpec> pools;
  FabricSpec fabric;
  std::vector<MemoryPoolSpec> memory_pools;
  std::vector<DegradedSpec> degraded;
  Json sources;
};

void fields(Fields&, NetworkPart&);
void fields(Fields&, LinkModel&);
void fields(Fields&, ScaleUpSpec&);
void fields(Fields&, NicSpec&);
void fields(Fields&, NodeModel&);
void fields(Fields&, PoolSpec&);
void fields(Fields&, FabricSpec&);
void fields(Fields&, MemoryPoolSpec&);
void fields(Fields&, DegradedSpec&);
void fields(Fields&, ClusterSpec&);

// Lets files that options name by a relative path be found beside the scenario.
void anchor_files(ClusterSpec&, const std::filesystem::path& folder);

// Builds fabric, domains and router. Throws SpecError (pointers relative to the cluster object) on impossible wiring.
Cluster build_cluster(const ClusterSpec&);

}  // namespace orrery
